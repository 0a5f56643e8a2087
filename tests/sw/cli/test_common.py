"""Options that several commands share."""

from typing import get_args

import pytest

import bitrain.program as contract
from bitrain import cosim
from bitrain.cli import common
from bitrain.spec import BitrainError


def test_choices_are_those_of_the_contract() -> None:
    """They are written down twice, so that `--help` need not load the contract."""
    assert get_args(common.Arithmetic) == tuple(contract.ARITHMETICS)
    assert get_args(common.Sharing) == tuple(contract.Sharing)
    assert common.Simulator == cosim.Simulator


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
