"""Arithmetics are found by name, everywhere alike."""

import pytest

from bitrain.golden.sums import SUMS as GOLDEN_SUMS
from bitrain.nn.model import SUMS as TRAINED_SUMS
from bitrain.program import ARITHMETICS, Array, find_arithmetic
from bitrain.rtl.array.arrays import ARRAYS
from bitrain.spec import BitrainError


@pytest.mark.parametrize("registry", [ARRAYS, GOLDEN_SUMS, TRAINED_SUMS])
def test_each_arithmetic_is_registered(registry) -> None:
    assert set(registry) == set(ARITHMETICS)


@pytest.mark.parametrize("name", ARITHMETICS)
def test_array_follows_its_arithmetic(name) -> None:
    array = Array(channels=2, positions=3, lanes=32, arithmetic=name)
    assert array.rules is find_arithmetic(name)
    assert (array.sngs > 0) == array.rules.has_streams
    assert array.pipelined == array.rules.counts_bits


def test_unknown_name_is_refused() -> None:
    with pytest.raises(
        BitrainError, match="arithmetic 'decimal': expected stochastic or binary or bitserial"
    ):
        find_arithmetic("decimal")
    with pytest.raises(
        ValueError, match=r"arithmetic\n.* 'decimal' is not stochastic or binary or bitserial"
    ):
        Array(arithmetic="decimal")
