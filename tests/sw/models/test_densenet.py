"""Densely connected networks: channels, by hand."""

import pytest
import torch

from bitrain.models.densenet import cifar_densenet, densenet22, densenet100
from bitrain.recast.student import specs_of
from bitrain.spec import BitrainError, Shape

CIFAR = Shape(3, 32, 32)


@pytest.fixture(autouse=True)
def no_weights():
    with torch.device("meta"):
        yield


def test_channels_grow_by_twelve_a_layer_and_halve_between_stages():
    specs = specs_of(cifar_densenet(CIFAR, 10, stem=8, blocks=2, layers=3, middle=5))
    assert [(spec.kind, spec.in_channels, spec.out_channels) for spec in specs] == [
        ("conv", 3, 8),
        *(("dense", 8, 44), ("dense", 44, 80), ("conv", 80, 40)),
        *(("dense", 40, 76), ("dense", 76, 112), ("conv", 112, 56)),
        *(("dense", 56, 92), ("dense", 92, 128)),
        ("linear", 128, 10),
    ]
    assert {(spec.layers, spec.middle) for spec in specs if spec.kind == "dense"} == {(3, 5)}
    between = [spec for spec in specs[1:] if spec.kind == "conv"]
    assert {(spec.kernel, spec.stride, spec.downsample) for spec in between} == {(1, 2, "average")}


@pytest.mark.parametrize(
    ("make", "channels", "middle"), [(densenet100, 342, 48), (densenet22, 142, None)]
)
def test_channels_at_the_end(make, channels, middle):
    """24: 216, 108; 300, 150; 342. And 16: 88, 44; 116, 58; 130."""
    *_, dense, last = specs_of(make(CIFAR, 10))
    assert dense.middle == middle and last.in_channels == dense.out_channels
    assert last.in_channels == (channels if middle else 130)


def test_images_that_are_too_small():
    with pytest.raises(BitrainError, match="images of 3 x 3 are too small; expected at least 4"):
        densenet22(Shape(3, 3, 3), 10)
