"""Bit-serial products: integers of n bits, one pair of their bits in a cycle.

A pair of planes (i, j) is bit n - 1 - i of all activations and bit n - 1 - j of all magnitudes of
weights. In n² cycles an array meets every pair once, and counts

    Σ_(i, j) 2^(2 (n - 1) - i - j) Σ_k sign(w_k) · (x_k's bit AND |w_k|'s bit)  =  Σ_k w_k x_k

exactly. A number has n + 1 bits, for full scale 2^n: that is taken as 2^n - 1, whose bits are all
ones, so that full scale costs neither a plane nor a cycle.

The order is by the less significant plane of a pair, so that the pairs of the p most significant
bits are the first p²: those cycles are the products of p-bit numbers (P. Judd et al., *Stripes*,
MICRO 2016, does so with one of the two factors).
"""

import numpy as np


def plane_pairs(bits: int) -> list[tuple[int, int]]:
    """(i, j) of each cycle, 0 the most significant bits.

    After (i, j) comes (i, j + 1) if j < i, else (i - 1, j), and after (0, j) comes (j + 1, 0).
    """
    pairs = [(0, 0)]
    while len(pairs) < bits**2:
        i, j = pairs[-1]
        pairs.append((i, j + 1) if j < i else (i - 1, j) if i else (j + 1, 0))
    return pairs


def saturated(numbers: np.ndarray, bits: int) -> np.ndarray:
    """What of numbers in [-2^n, 2^n] is multiplied: full scale as 2^n - 1."""
    return numbers.clip(1 - (1 << bits), (1 << bits) - 1)
