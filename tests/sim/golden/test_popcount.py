"""Ones of a word, in compiled code."""

import numpy as np
import pytest
from numba import njit

from bitrain.golden.popcount import ones


@njit
def count(words, counts):
    for i in range(len(words)):
        counts[i] = ones(words[i])


@pytest.mark.parametrize("edge", [0, 1, 1 << 63, (1 << 64) - 1, 0x5555_5555_5555_5555])
def test_ones(edge):
    drawn = np.random.default_rng(0).integers(0, 1 << 64, 50, np.uint64)
    words = np.append(drawn, np.uint64(edge))
    counts = np.empty(len(words), np.int64)
    count(words, counts)
    assert counts.tolist() == [int(word).bit_count() for word in words]
