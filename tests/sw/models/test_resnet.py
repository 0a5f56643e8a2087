"""Residual networks: sizes of their blocks, by hand."""

import pytest
import torch

from bitrain.models.resnet import cifar_resnet, resnet9, resnet83, wrn28_10
from bitrain.recast.student import blocks_of, specs_of
from bitrain.spec import BitrainError, Shape

CIFAR = Shape(3, 32, 32)


@pytest.fixture(autouse=True)
def no_weights():
    """The widest has 36 million."""
    with torch.device("meta"):
        yield


def test_every_stage_but_the_first_halves_the_map():
    stem, *blocks, last = specs_of(
        cifar_resnet(CIFAR, 10, blocks=2, widths=(8, 12, 20), kind="bottleneck")
    )
    assert (stem.kind, stem.in_channels, stem.out_channels, stem.stride) == ("conv", 3, 16, 1)
    assert [(spec.in_channels, spec.out_channels, spec.stride) for spec in blocks] == [
        *((16, 8, 1), (8, 8, 1)),
        *((8, 12, 2), (12, 12, 1)),
        *((12, 20, 2), (20, 20, 1)),
    ]
    assert {spec.kind for spec in blocks} == {"bottleneck"}
    assert last.average and (last.in_channels, last.out_channels) == (20, 10)


@pytest.mark.parametrize(
    ("make", "widths", "blocks"),
    [(wrn28_10, {160, 320, 640}, 12), (resnet83, {64, 128, 256}, 27)],
)
def test_widths(make, widths, blocks):
    _, *inside, _ = specs_of(make(CIFAR, 10))
    assert {spec.out_channels for spec in inside} == widths and len(inside) == blocks


def test_resnet9():
    """Maps of 30, 15, 7 and 3 pixels."""
    specs, shape, sides = specs_of(resnet9(CIFAR, 10)), CIFAR, []
    with torch.device("cpu"):
        for block in blocks_of(resnet9(CIFAR, 10)):
            shape = block.out_shape(shape)
            sides.append(shape.height)
    assert sides == [30, 15, 15, 7, 3, 3, 1]
    assert [spec.out_channels for spec in specs] == [16, 64, 64, 160, 320, 320, 10]


@pytest.mark.parametrize(("make", "least"), [(wrn28_10, 4), (resnet9, 10)])
def test_images_that_are_too_small(make, least):
    with pytest.raises(BitrainError, match=f"3 x 64 are too small; expected at least {least} x "):
        make(Shape(3, 3, 64), 10)
