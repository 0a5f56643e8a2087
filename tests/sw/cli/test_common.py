"""Options that several commands share."""

from typing import get_args

import pytest

import bitrain.program as contract
from bitrain import cosim
from bitrain.cli import common
from bitrain.program.options import BEATS
from bitrain.spec import BitrainError


def test_choices_are_those_of_the_contract() -> None:
    """They are written down twice, so that `--help` need not load the contract."""
    assert get_args(common.Arithmetic) == tuple(contract.ARITHMETICS)
    assert get_args(common.Sharing) == tuple(contract.Sharing)
    assert common.Simulator == cosim.Simulator
    assert get_args(get_args(common.WeightBeat)[0]) == BEATS


@pytest.mark.parametrize("text", ["", "1,", "a", "1;2"])
def test_integers(text) -> None:
    assert common.integers("--lengths", "4,8") == [4, 8]
    with pytest.raises(BitrainError, match=f"--lengths {text}: expected integers between commas"):
        common.integers("--lengths", text)


@pytest.mark.parametrize("text", ["4", "4=a", "4=-1", "=", "4=1,", "4=1,4=2"])
def test_margins(text) -> None:
    assert common.margins("--ladder", "4=10,8=7") == {4: 10, 8: 7}
    with pytest.raises(BitrainError, match=f"--ladder {text}: expected LENGTH=MARGIN"):
        common.margins("--ladder", text)


@pytest.mark.parametrize("text", ["0,0", "-1", "1,2,1"])
def test_seeds(text) -> None:
    assert common.seeds_of("0,1") == [0, 1]
    with pytest.raises(BitrainError, match="expected different numbers from 0"):
        common.seeds_of(text)


@pytest.mark.parametrize("sizes", [(0, 1, 1), (65, 1, 1), (1, 0, 1), (1, 1, 257)])
def test_arrays(sizes) -> None:
    with pytest.raises(BitrainError, match="expected 1 …"):
        common.array_of(*sizes)


def test_the_last_array_is_as_the_others_but_for_its_shape() -> None:
    array = contract.Array(channels=2, positions=8, lanes=4, width=2)
    assert common.last_array_of(None, array) is None
    found = common.last_array_of("16x1", array)
    assert found == contract.Array(channels=16, positions=1, lanes=4, width=2)


@pytest.mark.parametrize("text", ["", "16", "16x", "x1", "0x1", "65x1", "1x65", "-1x2", "4x4x4"])
def test_what_is_no_last_array(text) -> None:
    with pytest.raises(BitrainError, match=f"--last-array {text}: expected PxQ, each 1 … 64"):
        common.last_array_of(text, contract.Array())
