"""The modules of each kind of block, and the maps that come out."""

import pytest
import torch
from torch import nn

from bitrain.models import Block, BlockSpec, Residual, Subsample
from bitrain.spec import BitrainError, Shape


def block(kind, inputs: int = 8, outputs: int = 8, **options) -> Block:
    return Block(BlockSpec(kind=kind, in_channels=inputs, out_channels=outputs, **options))


def convs(module: nn.Module) -> list[tuple[int, int, int, int]]:
    """In, out, kernel and stride of each convolution."""
    return [
        (part.in_channels, part.out_channels, part.kernel_size[0], part.stride[0])
        for part in module.modules()
        if isinstance(part, nn.Conv2d)
    ]


@pytest.mark.parametrize("downsample", ["stride", "max", "average"])
@pytest.mark.parametrize("kind", ["conv", "residual", "bottleneck", "dense", "separable"])
def test_rows_and_columns_become_fewer(kind, downsample):
    found = block(kind, 4, 8, stride=2, downsample=downsample)
    assert found.out_shape(Shape(4, 12, 8)) == (8, 6, 4)
    pools = [type(part) for part in found if isinstance(part, nn.MaxPool2d | nn.AvgPool2d)]
    expected = {"stride": [], "max": [nn.MaxPool2d], "average": [nn.AvgPool2d]}[downsample]
    if kind == "dense" and downsample == "stride":
        expected = [nn.AvgPool2d]  # no convolution there sees all channels
    assert pools == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (block("conv", 3, layers=2, stride=2), [(3, 8, 3, 2), (8, 8, 3, 1)]),
        (block("residual", stride=2, middle=6), [(8, 6, 3, 2), (6, 8, 3, 1)]),
        (block("bottleneck", stride=2), [(8, 2, 1, 1), (2, 2, 3, 2), (2, 8, 1, 1)]),
        (block("bottleneck", 8, 3), [(8, 1, 1, 1), (1, 1, 3, 1), (1, 3, 1, 1), (8, 3, 1, 1)]),
        (block("dense", 8, 14, layers=3), [(8, 2, 3, 1), (10, 2, 3, 1), (12, 2, 3, 1)]),
        (block("dense", 8, 10, middle=5), [(8, 5, 1, 1), (5, 2, 3, 1)]),
        (block("dense", 8, 8), [(8, 4, 3, 1), (12, 8, 1, 1)]),
        (block("separable", 8, 6, kernel=5), [(8, 8, 5, 1), (8, 6, 1, 1)]),
    ],
    ids=lambda x: str(x.spec) if isinstance(x, Block) else "",
)
def test_convolutions(given, expected):
    assert convs(given) == expected
    images = torch.rand(2, given.spec.in_channels, 9, 9)
    assert given.eval()(images).min() >= 0


@pytest.mark.parametrize(
    ("inputs", "outputs", "stride", "kind"),
    [(8, 8, 1, nn.Identity), (8, 12, 1, Subsample), (8, 8, 2, Subsample), (8, 4, 1, nn.Sequential)],
)
def test_a_shortcut_has_weights_only_where_channels_are_lost(inputs, outputs, stride, kind):
    residual = block("residual", inputs, outputs, stride=stride)[0]
    assert isinstance(residual, Residual) and type(residual.shortcut) is kind


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({"area": 6}, [nn.Flatten, nn.Linear, nn.ReLU]),
        ({"average": True, "relu": False}, [nn.AdaptiveAvgPool2d, nn.Flatten, nn.Linear]),
        ({"area": 6, "dropout": 0.5}, [nn.Flatten, nn.Dropout, nn.Linear, nn.ReLU]),
    ],
)
def test_linear(options, kinds):
    found = block("linear", 4, 5, **options)
    assert [type(part) for part in found] == kinds
    assert found.out_shape(Shape(4, 3, 2)) == (5, 1, 1)


def test_padding_is_half_of_the_kernel_unless_it_is_given():
    assert block("conv", kernel=5).out_shape(Shape(8, 9, 9)) == (8, 9, 9)
    assert block("conv", kernel=5, padding=0).out_shape(Shape(8, 9, 9)) == (8, 5, 5)


def test_modules_take_the_place_of_a_description():
    spec = BlockSpec(kind="other", in_channels=2, out_channels=2)
    assert [type(part) for part in Block(spec, nn.Identity())] == [nn.Identity]
    with pytest.raises(BitrainError, match="'other' cannot be built; choose one of "):
        Block(spec)


def test_measuring_leaves_the_block_alone():
    found = block("conv").train()
    before = {name: value.clone() for name, value in found.state_dict().items()}
    found.out_shape(Shape(8, 4, 4))
    assert found.training
    assert all(torch.equal(before[name], value) for name, value in found.state_dict().items())


def test_a_map_that_does_not_fit():
    with pytest.raises(BitrainError, match=r"^a conv block does not fit a map of 3 x 4 x 4$"):
        block("conv").out_shape(Shape(3, 4, 4))
