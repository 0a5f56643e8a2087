"""Grids: what is an axis, what its values become, and which points have a problem."""

from pathlib import Path
from typing import Any

import pytest

from bitrain.flow.config import RunConfig
from bitrain.nn import StreamSource
from bitrain.spec import BitrainError
from bitrain.studies.grid import PAIRS, Point, parse_grid, points_of

OPTIONS: dict[str, Any] = {
    "name": "tiny",
    "sc": {"bits": 4, "lanes": 4},
    "array": {"channels": 2, "lanes": 4},
}


def points(*grid: str, **options: Any) -> list[Point]:
    whole = {**OPTIONS, **options}
    return points_of(RunConfig.model_validate(whole), whole, parse_grid(grid))


def only(*grid: str, **options: Any) -> RunConfig:
    """The configuration of a grid's only point."""
    (point,) = points(*grid, **options)
    assert point.config is not None, point.problem
    return point.config


def test_all_combinations_the_last_axis_first():
    found = points("sc.bits=3,4", "array.sharing=shared,unshared")
    assert [tuple(point.cells.values()) for point in found] == [
        *(("3", "shared"), ("3", "unshared")),
        *(("4", "shared"), ("4", "unshared")),
    ]
    config = found[1].config
    assert config and (config.sc.bits, config.array.sharing) == (3, "unshared")
    assert (config.array.channels, config.sc.lanes) == (2, 4), "the others stay"


def test_lists_are_values():
    found = points("sc.lengths=[4,8],[4, 16]", "train.restarts=[1],[2,3]")
    assert [point.cells["sc.lengths"] for point in found[::2]] == ["[4,8]", "[4, 16]"]
    configs = [point.config for point in found]
    assert all(configs) and configs[3]
    assert configs[3].sc.lengths == (4, 16) and configs[3].train.restarts == (2, 3)


def test_the_rest_of_a_section_stays():
    """That of defaults too."""
    config = only("sc.activation_source.seed=3")
    assert config.sc.activation_source == StreamSource(
        kind="van_der_corput", wiring="inverted", seed=3
    )
    config = only("accelerator.interface.reset=low", accelerator={"interface": "axi"}, array={})
    assert config.accelerator.interface.is_axi and config.accelerator.interface.reset == "low"
    config = only(
        "array.lanes=8", array={"lanes": 4}, accelerator={"last_array": "4x1", "engines": 2}
    )
    assert config.accelerator.last_array and config.accelerator.last_array.lanes == 8


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_sequences(name):
    config = only(f"sequences={name}")
    assert (config.sc.activation_source, config.sc.weight_source) == PAIRS[name]


def test_short_names():
    config = only("n=5", "L=8", "P=3", "Q=6", "N=8", "sharing=unshared")
    assert (config.sc.bits, config.sc.length) == (5, 8)
    array = config.array
    assert (array.channels, array.positions, array.lanes) == (3, 6, 8)
    assert config.sc.lanes == 8, "N is the network's too"
    assert only("W=2").array.width == 2


def test_a_length_alone_brings_its_precision():
    """As `bitrain accuracy` trains it: one length, n = log2 L."""
    several = {
        "sc": {"bits": 4, "lengths": [4, 16], "lanes": 4},
        "finetune": {"prefix_weights": [1, 2]},
        "exit": {"tolerance": 1},
    }
    config = only("L=8", **several)
    assert config.sc == RunConfig.model_validate({"name": "a", **several}).sc.with_length(8)
    assert (config.sc.bits, config.sc.lengths, config.exit) == (3, (), None)
    assert only("L=64").sc.bits == 6
    assert only("L=8", "sequences=lfsr").sc.weight_source == PAIRS["lfsr"][1]


@pytest.mark.parametrize(
    ("grid", "problem"),
    [
        (("L=12",), "stream length 12: expected a power of two, 2 to 2^bits = 8"),
        (("n=3", "L=16"), "sc: stream length 16: expected a power of two, 2 to 2^bits = 8"),
        (("W=4",), "accelerator: array: channels = 2 is no multiple of width = 4"),
        (("sc.activation_source.seed=9", "L=8"), "L = 8: n = 3 changes sc.activation_source.seed"),
        (("sc.activation_source.kind=sobol", "sc.weight_source.kind=sobol", "L=8"), ""),
    ],
)
def test_fields_that_do_not_go_together(grid, problem):
    (point,) = points(*grid)
    assert problem in point.problem
    assert bool(point.problem) == (point.config is None)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("", "no axis to sweep; give --grid FIELD=VALUE,VALUE"),
        ("L", "--grid L: expected FIELD=VALUE,VALUE, as L=8,16,32"),
        ("=3", "--grid =3: expected FIELD=VALUE,VALUE"),
        ("L=", "--grid L=: no values; give some, as L=VALUE,VALUE"),
        ("L=8,,16", "--grid L=8,,16: an empty value between commas"),
        ("L=8,16,8", "--grid L=8,16,8: 8 is there twice"),
        ("L=8,x", "--grid L=8,x: expected whole numbers"),
        ("L=8 L=16", "--grid L: L sets sc.stream_length too; give each field in one --grid"),
        ("n=3 sc.bits=4", "--grid sc.bits: n sets sc.bits too"),
        ("N=4 array.lanes=4", "--grid array.lanes: N sets accelerator.array.lanes too"),
        (
            "sequences=lfsr sc.activation_source.seed=1",
            "sequences sets sc.activation_source.seed too",
        ),
        ("sequences=lsfr", "--grid sequences: 'lsfr' is unknown; choose of lfsr, sobol, ramp"),
        ("sc.bit=3", "--grid sc.bit: a configuration has no such field; did you mean sc.bits?"),
        ("bits=3", "no such field; did you mean sc.bits"),
        ("sc..bits=3", "no such field; did you mean sc.bits"),
        ("sc.bits.more=3", "no such field; did you mean sc.bits"),
        ("zzz=3", "no such field; give one as sc.bits, or one of n, L, sequences"),
        ("sc=3", "--grid sc: a whole section; give one of its fields: sc.bits, sc.stream_length"),
        ("exit=null", "--grid exit: a whole section; give one of its fields: exit.tolerance"),
        ("train.seed=1", "--grid train.seed: cannot be an axis; give --seeds"),
        ("simulate.images=1", "--grid simulate.images: cannot be an axis; no figure of the table"),
        ("sc.bits=three", "--grid sc.bits=three: 'three': expected a whole number"),
        ("sc.bits=3,11", "--grid sc.bits=11: 11: expected at most 10"),
        ("array.sharing=some", "--grid array.sharing=some: 'some': expected shared or unshared"),
        ("sc.weight_source.kind=random", "--grid sc.weight_source.kind=random: "),
        ("sc.lengths=[4,x]", "--grid sc.lengths=[4,x]: 'x': expected a whole number"),
        ("sc.lengths=[4", "--grid sc.lengths=[4: not valid YAML"),
        (
            f"train.epochs={','.join(map(str, range(200)))} train.images="
            f"{','.join(map(str, range(1, 101)))}",
            "--grid: 20,000 points, at most 10,000; give fewer values, or several sweeps",
        ),
    ],
)
def test_what_is_no_grid(grid, message):
    with pytest.raises(BitrainError) as error:
        points(*grid.split())
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_names_of_layers_and_options_of_sequences_are_fields(tmp_path: Path):
    config = only("sc.layer_lengths.conv1=8", "sc.weight_source.dimension=3")
    assert config.sc.layer_lengths == {"conv1": 8}
    assert config.sc.weight_source.dimension == 3


def test_which_axes_change_the_network():
    grid = ("n=3", "P=2", "array.arithmetic=binary", "synth.device=up5k", "N=4", "model=a")
    assert [axis.of_network for axis in parse_grid(grid)] == [True, False, True, False, True, True]
