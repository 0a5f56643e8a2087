"""VGG networks: sizes of their blocks, by hand."""

import pytest
import torch

from bitrain.models.vgg import vgg8, vgg16
from bitrain.recast.student import specs_of
from bitrain.spec import BitrainError, Shape


@pytest.fixture(autouse=True)
def no_weights():
    with torch.device("meta"):
        yield


def test_vgg16_pools_after_each_group():
    *convs, last = specs_of(vgg16(Shape(3, 32, 32), 10))
    widths = [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    assert [spec.out_channels for spec in convs] == widths
    assert [spec.in_channels for spec in convs] == [3, *widths[:-1]]
    pooled = [index for index, spec in enumerate(convs) if spec.stride == 2]
    assert pooled == [1, 3, 6, 9, 12] and all(spec.layers == 1 for spec in convs)
    assert last.average and last.in_channels == 512


def test_vgg8_has_pairs():
    *convs, hidden, last = specs_of(vgg8(Shape(1, 28, 16), 10))
    assert [(spec.out_channels, spec.layers, spec.stride) for spec in convs] == [
        (32, 2, 2),
        (64, 2, 2),
        (128, 2, 2),
    ]
    assert (hidden.in_channels, hidden.area, hidden.out_channels) == (128, 3 * 2, 128)
    assert hidden.relu and hidden.dropout == 0.5 and last.in_channels == 128


@pytest.mark.parametrize(("make", "least"), [(vgg8, 8), (vgg16, 32)])
def test_images_that_are_too_small(make, least):
    make(Shape(3, least, least), 10)
    with pytest.raises(BitrainError, match=f"are too small; expected at least {least} x {least}"):
        make(Shape(3, least, least - 1), 10)
