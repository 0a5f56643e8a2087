"""The order of planes, and what bit-serial products are."""

import numpy as np
import pytest

from bitrain.spec import plane_pairs, saturated


@pytest.mark.parametrize("bits", range(1, 8))
def test_shorter_runs_are_the_first_pairs(bits):
    pairs = plane_pairs(bits)
    for fewer in range(1, bits + 1):
        assert set(pairs[: fewer**2]) == {(i, j) for i in range(fewer) for j in range(fewer)}
    assert len(set(pairs)) == len(pairs) == bits**2


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_pairs_add_up_to_the_product(bits):
    x, w = np.meshgrid(*(np.arange((1 << bits) + 1),) * 2)
    x, w = saturated(x, bits), saturated(w, bits)
    total = np.zeros_like(x)
    for i, j in plane_pairs(bits):
        ones = (x >> bits - 1 - i) & (w >> bits - 1 - j) & 1
        total += ones << 2 * (bits - 1) - i - j
    np.testing.assert_array_equal(total, x * w)


def test_full_scale_has_ones_alone():
    numbers = np.array([-8, -7, 0, 6, 7, 8])
    assert saturated(numbers, 3).tolist() == [-7, -7, 0, 6, 7, 7]
