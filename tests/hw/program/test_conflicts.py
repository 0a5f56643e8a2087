"""The table of what does not go together, and the page that shows it."""

import re
from pathlib import Path

import pytest
from networks import random_network, worded

from bitrain.program import CONFLICTS, AcceleratorConfig, check_conflicts
from bitrain.program.conflicts import OPTION_CONFLICTS
from bitrain.spec import BitrainError, Network

NETWORK = random_network(1, lanes=4)
SHORTEST = random_network(4, bits=2, lanes=4, length=1)
REPOSITORY = Path(__file__).parents[3]


def network(**changes) -> Network:
    return Network.model_validate(dict(NETWORK) | changes)


def streaming() -> Network:
    first, *others = NETWORK.layers
    layers = (first.model_copy(update={"neuron": "stream"}), *others)
    return Network.model_validate(dict(NETWORK) | {"layers": layers})


def reshaped() -> Network:
    """The last layer is a convolution of a map that it reads as many channels of one pixel."""
    *others, last = NETWORK.layers
    layers = (*others, last.model_copy(update={"kind": "conv2d"}))
    return Network.model_validate(dict(NETWORK) | {"layers": layers})


BINARY = {"arithmetic": "binary"}
FITS = {"lanes": 4}
WIDE = {"lanes": 4, "width": 2}
CASES = [
    ({"array": FITS, "last_array": {"channels": 2}}, NETWORK),
    ({"array": FITS, "engines": 2, "last_array": {"width": 2}}, NETWORK),
    ({"array": {"lanes": 6, "width": 4}}, worded(random_network(1, lanes=2), 4)),
    ({"array": WIDE | {"channels": 3}}, worded(NETWORK, 2)),
    ({"array": {**BINARY, "sharing": "unshared"}}, NETWORK),
    ({"array": {"lanes": 4, "dsp": True}}, NETWORK),
    ({"array": BINARY, "run_time_length": True}, NETWORK),
    ({"array": BINARY, "skip_zeros": True}, NETWORK),
    ({"array": FITS, "engines": 2, "run_time_length": True}, NETWORK),
    ({"array": FITS, "engines": 2, "weights": "ram", "interface": "axi"}, NETWORK),
    ({"array": FITS, "weight_beat": 8}, NETWORK),
    ({"array": FITS, "weights": "ram"}, NETWORK),
    ({"array": WIDE}, streaming()),
    ({"array": WIDE}, network(or_lanes=2)),
    ({"array": {"lanes": 4, "width": 4}}, worded(NETWORK, 2)),
    ({"array": WIDE}, worded(reshaped(), 2)),
    ({"array": {"lanes": 6}}, NETWORK),
    ({"array": {"lanes": 4}}, random_network(1, lanes=2).model_copy(update={"or_lanes": 8})),
    ({"array": {"lanes": 8}}, streaming()),
    ({"array": {"lanes": 4, "positions": 2}}, "pooled stream"),
    ({"array": FITS, "early_termination": True, "interface": "axi"}, streaming()),
    ({"array": FITS, "early_termination": True, "interface": "axi"}, SHORTEST),
    ({"array": FITS, "early_termination": True}, NETWORK),
    (
        {"array": {**FITS, "arithmetic": "bitserial"}, "early_termination": True},
        network(exits=[{"length": 2, "margin": 1}]),
    ),
    ({"array": FITS, "weights": "ram", "interface": "axi"}, streaming()),
    ({"array": FITS, "skip_zeros": True}, streaming()),
    ({"array": FITS, "skip_zeros": True}, network(or_lanes=2)),
]


def pooled_stream() -> Network:
    first, second, last = NETWORK.layers
    second = second.model_copy(update={"neuron": "stream"})
    return Network.model_validate(dict(NETWORK) | {"layers": (first, second, last)})


@pytest.mark.parametrize("index", range(len(CASES)))
def test_each_row_is_found_by_itself(index) -> None:
    """Each case meets its own row and no other; together they are the whole table."""
    assert len(CASES) == len(CONFLICTS)
    asked, given = CASES[index]
    given = pooled_stream() if given == "pooled stream" else given
    config = AcceleratorConfig.model_validate(asked)
    found = [i for i, row in enumerate(CONFLICTS) if row.find(config, given) is not None]
    assert found == [index]
    with pytest.raises(BitrainError) as error:
        check_conflicts(config, given)
    message, row = str(error.value), CONFLICTS[index]
    values = row.find(config, given) or {}
    assert message == f"{row.reason}; {row.remedy}".format_map(values)
    assert not re.search(r"\{\w+(!r)?\}", message)


@pytest.mark.parametrize("index", range(len(CASES)))
def test_options_alone_are_checked_without_a_network(index) -> None:
    config = AcceleratorConfig.model_validate(CASES[index][0])
    if index >= len(OPTION_CONFLICTS):
        check_conflicts(config)
        return
    with pytest.raises(BitrainError):
        check_conflicts(config)


def test_nothing_to_refuse() -> None:
    check_conflicts(AcceleratorConfig.model_validate({"array": FITS}), NETWORK)


@pytest.mark.parametrize(
    ("asked", "given", "message"),
    [
        (
            {"array": FITS, "engines": 2, "last_array": BINARY},
            NETWORK,
            "last_array: arithmetic = binary, but array has stochastic",
        ),
        (
            {"array": WIDE, "engines": 2, "last_array": {"width": 1}},
            worded(NETWORK, 2),
            "last_array: width = 1, but array has 2",
        ),
        (
            {"array": WIDE, "engines": 2, "last_array": {"channels": 5}},
            worded(NETWORK, 2),
            "array: channels = 5 is no multiple of width = 2",
        ),
        (
            {"array": FITS, "engines": 2, "last_array": {"lanes": 6}},
            NETWORK,
            "array: lanes = 6 is no multiple of the 4 lanes",
        ),
        (
            {"array": WIDE},
            NETWORK,
            f"width = 2 does not divide the words of the network: layer {NETWORK.layers[0].name!r} "
            "has inputs one by one",
        ),
        ({"array": {"lanes": 4, "width": 4}}, worded(NETWORK, 2), "has inputs in words of 2;"),
    ],
)
def test_what_the_width_and_the_last_array_do_not_go_with(asked, given, message) -> None:
    with pytest.raises(BitrainError, match=re.escape(message)):
        check_conflicts(AcceleratorConfig.model_validate(asked), given)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"array": WIDE}, worded(NETWORK, 8)),
        ({"array": WIDE | BINARY}, NETWORK),
        ({"array": {"lanes": 4, "width": 1}}, reshaped()),
        ({"array": WIDE, "engines": 2, "last_array": {"positions": 1}}, worded(NETWORK, 2)),
    ],
)
def test_wide_arrays_of_suitable_networks(asked, given) -> None:
    """Words of more than the width; integers, which need none."""
    check_conflicts(AcceleratorConfig.model_validate(asked), given)


def test_the_page_shows_the_table() -> None:
    rows = [f"| {row.one} | {row.other} | {row.reason}; {row.remedy} |" for row in CONFLICTS]
    page = (REPOSITORY / "docs" / "interfaces.md").read_text(encoding="utf-8")
    assert "\n".join(rows) in page
