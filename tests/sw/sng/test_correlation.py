"""Counts of products and SCC where their values are known."""

import numpy as np
import pytest

from bitrain.sng.correlation import product_counts, scc, scc_table
from bitrain.spec import Lfsr, Ramp, VanDerCorput

BITS, ONE = 5, 32


def streams(values: np.ndarray) -> np.ndarray:
    """Of all numbers, by a comparator with these values."""
    return values < np.arange(len(values) + 1)[:, None]


@pytest.mark.parametrize("length", [4, 16, 32])
def test_counts_are_the_ones_of_the_and(length) -> None:
    first = streams(Lfsr(width=BITS, seed=3).values)[:, :length]
    second = streams(Ramp(width=BITS).values)[:, :length]
    counts = product_counts(first, second)
    for a, m in np.ndindex(counts.shape):
        assert counts[a, m] == sum(first[a] & second[m])
    assert counts[ONE, ONE] == length


def test_identical_streams_have_1_and_opposite_ones_minus_1() -> None:
    values = Lfsr(width=BITS).values
    alike = scc_table(product_counts(streams(values), streams(values)))
    opposite = scc_table(product_counts(streams(values), streams(ONE - 1 - values)))
    np.testing.assert_array_equal(alike[1:-1, 1:-1], 1)
    np.testing.assert_array_equal(opposite[1:-1, 1:-1], -1)


def test_constant_streams_have_none() -> None:
    first, second = streams(Ramp(width=BITS).values), streams(Lfsr(width=BITS).values)
    table = scc_table(product_counts(first, second))
    np.testing.assert_array_equal(np.isnan(table[[0, -1]]), True)
    np.testing.assert_array_equal(np.isnan(table[:, [0, -1]]), True)
    assert np.isfinite(table[1:-1, 1:-1]).all()


def test_low_discrepancy_pair_is_nearly_independent() -> None:
    first, second = streams(Ramp(width=8).values), streams(VanDerCorput(width=8).values)
    counts = product_counts(first, second)
    table = scc_table(counts)
    assert np.nanmean(np.abs(table[64:193, 64:193])) < 0.05
    assert table[128, 128] == 0


def test_greatest_least_and_independent_overlap() -> None:
    """Of 4 ones with 6 ones of 8."""
    assert scc(np.array([4, 2, 3]), np.array(4), np.array(6), 8).tolist() == [1, -1, 0]
