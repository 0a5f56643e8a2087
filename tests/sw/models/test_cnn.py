"""Plain networks: sizes of their blocks, by hand."""

import pytest

from bitrain.models.cnn import digits_cnn, lenet5, plain_cnn
from bitrain.recast.student import specs_of
from bitrain.spec import BitrainError, Shape


def test_every_convolution_halves_the_map():
    *convs, last = specs_of(plain_cnn(Shape(3, 20, 12), 7, (4, 8)))
    assert [(spec.in_channels, spec.out_channels, spec.stride) for spec in convs] == [
        (3, 4, 2),
        (4, 8, 2),
    ]
    assert all(spec.downsample == "max" and spec.kernel == 3 for spec in convs)
    assert (last.in_channels, last.area, last.out_channels, last.relu) == (8, 5 * 3, 7, False)


def test_digits():
    *_, second, last = specs_of(digits_cnn(Shape(1, 8, 8), 10))
    assert (second.in_channels, second.out_channels, last.area) == (16, 32, 4)


@pytest.mark.parametrize(("side", "area"), [(28, 25), (32, 36), (12, 1)])
def test_lenet5(side, area):
    """28 pixels: 14 after the first, 10 and 5 after the second, which has no padding."""
    first, second, *linear = specs_of(lenet5(Shape(1, side, side), 10))
    assert (first.kernel, first.padding, first.out_channels) == (5, None, 6)
    assert (second.in_channels, second.out_channels, second.padding) == (6, 16, 0)
    assert [(spec.in_channels * spec.area, spec.out_channels) for spec in linear] == [
        (16 * area, 120),
        (120, 84),
        (84, 10),
    ]


def test_images_that_are_too_small():
    with pytest.raises(BitrainError, match="3 x 8 are too small for 2 poolings by two; expected"):
        plain_cnn(Shape(1, 3, 8), 10, (4, 8))
    with pytest.raises(BitrainError, match="images of 28 x 11 are too small; expected at least 12"):
        lenet5(Shape(1, 28, 11), 10)
