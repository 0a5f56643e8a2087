"""Number formats: rounding of real inputs to unipolar integers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitrain.spec import BitrainError, to_unipolar


@given(value=st.floats(0, 1), bits=st.integers(1, 16))
def test_nearest(value, bits):
    number = to_unipolar(np.array([value]), bits)
    assert number.dtype == np.int32
    assert abs(number[0] - value * 2**bits) <= 0.5
    assert 0 <= number[0] <= 2**bits


@pytest.mark.parametrize(("value", "number"), [(0, 0), (1, 16), (1 / 32, 1), (31 / 32, 16)])
def test_ends_and_halves_go_up(value, number):
    assert to_unipolar(np.array(value), 4) == number


@given(bits=st.integers(1, 16), data=st.data())
def test_numbers_are_fixed_points(bits, data):
    number = data.draw(st.integers(0, 2**bits))
    assert to_unipolar(np.array(number / 2**bits), bits) == number


def test_shape_is_kept_and_empty_allowed():
    assert to_unipolar(np.zeros((2, 3), np.float32), 4).shape == (2, 3)
    assert to_unipolar(np.zeros((0, 3)), 4).shape == (0, 3)


@pytest.mark.parametrize("bad", [-0.01, 1.01, np.nan, np.inf])
def test_out_of_range(bad):
    with pytest.raises(BitrainError, match=r"inputs span .* expected \[0, 1\]; divide images by"):
        to_unipolar(np.array([0.5, bad]), 4)
