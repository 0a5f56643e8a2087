"""Counts of OR groups: a group counts once however many of its bits are 1."""

import numpy as np
import pytest

from bitrain.golden.or_kernel import count_groups


def test_one_group_by_hand():
    """Two members: 1100 and 1010 together are 1110, less 0001 of the negative ones."""
    rows = np.array([[0b1111], [0b1111]], np.uint64)
    weights = np.zeros((1, 2, 2, 1), np.uint64)
    weights[0, :, 0, 0] = 0b1100, 0b1010
    weights[0, :, 1, 0] = 0b0001, 0b0001
    counts = np.full((1, 1), 99, np.int64)
    count_groups(rows, weights, 0, 2, counts)
    assert counts == 3 - 1


@pytest.mark.parametrize("or_lanes", [1, 2, 4])
def test_every_word_of_a_group_is_joined(or_lanes):
    rng = np.random.default_rng(or_lanes)
    rows = rng.integers(0, 1 << 64, (8, 3), np.uint64)
    weights = rng.integers(0, 1 << 64, (2, 8, 2, 5), np.uint64)
    counts = np.empty((5, 3), np.int64)
    count_groups(rows, weights, 1, or_lanes, counts)
    both = rows[:, None, None, :] & weights[1][..., None]
    joined = np.bitwise_or.reduce(both.reshape(-1, or_lanes, 2, 5, 3), 1)
    found = np.bitwise_count(joined).astype(int).sum(0)
    assert counts.tolist() == (found[0] - found[1]).tolist()
