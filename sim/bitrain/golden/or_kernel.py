"""The hot loop of OR groups: product bits of a group are joined before they are counted.

The streams of a group's g inputs lie at the same bits of g words that follow each other, so that
one OR of words joins those of several groups.
"""

import numpy as np
from numba import njit

from .popcount import ones


@njit(cache=True)
def count_groups(rows, weights, block, or_lanes, counts):
    """Fill ``counts`` (BLOCK, TILE), int64: ones of positive groups less ones of negative ones.

    rows: streams of a tile's activations (words, TILE). weights: streams of positive and of
    negative weights (blocks, words, 2, BLOCK), zero where the weight is of the other sign; both
    uint64. or_lanes: g, of which the number of words is a multiple.
    """
    num_words, positions = rows.shape
    positive, negative = np.empty((2, positions), np.uint64)
    counts[:] = 0
    for o in range(len(counts)):
        for first in range(0, num_words, or_lanes):
            positive[:] = 0
            negative[:] = 0
            for word in range(first, first + or_lanes):
                plus, minus = weights[block, word, 0, o], weights[block, word, 1, o]
                for p in range(positions):
                    positive[p] |= rows[word, p] & plus
                    negative[p] |= rows[word, p] & minus
            for p in range(positions):
                counts[o, p] += np.int64(ones(positive[p])) - np.int64(ones(negative[p]))
