"""The table of what does not go together, and the page that shows it."""

from pathlib import Path

import pytest
from networks import random_network

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


BINARY = {"arithmetic": "binary"}
FITS = {"lanes": 4}
CASES = [
    ({"array": {**BINARY, "sharing": "unshared"}}, NETWORK),
    ({"array": BINARY, "run_time_length": True}, NETWORK),
    ({"array": BINARY, "skip_zeros": True}, NETWORK),
    ({"array": FITS, "engines": 2, "run_time_length": True}, NETWORK),
    ({"array": FITS, "engines": 2, "weights": "ram", "interface": "axi"}, NETWORK),
    ({"array": FITS, "weights": "ram"}, NETWORK),
    ({"array": {"lanes": 6}}, NETWORK),
    ({"array": {"lanes": 4}}, random_network(1, lanes=2).model_copy(update={"or_lanes": 8})),
    ({"array": {"lanes": 8}}, streaming()),
    ({"array": {"lanes": 4, "positions": 2}}, "pooled stream"),
    ({"array": FITS, "early_termination": True, "interface": "axi"}, streaming()),
    ({"array": FITS, "early_termination": True, "interface": "axi"}, SHORTEST),
    ({"array": FITS, "early_termination": True}, NETWORK),
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
    assert "{" not in str(error.value) and str(error.value).endswith(
        CONFLICTS[index].remedy.format_map(CONFLICTS[index].find(config, given) or {})
    )


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


def test_the_page_shows_the_table() -> None:
    rows = [f"| {row.one} | {row.other} | {row.reason}; {row.remedy} |" for row in CONFLICTS]
    page = (REPOSITORY / "docs" / "interfaces.md").read_text(encoding="utf-8")
    assert "\n".join(rows) in page
