"""VGG for small images: K. Simonyan and A. Zisserman, arXiv:1409.1556, with batch norm."""

from torch import nn

from bitrain.spec import Shape

from .blocks.block import Block
from .blocks.spec import BlockSpec
from .parts import check_size, conv, plainly_initialised, scores

GROUPS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Filters and convolutions of each group of VGG-16, configuration D."""


def vgg16(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """13 convolutions, one a block, max pooling after each group, one linear layer; 14.7 million.

    The linear layer reads means over the map, which is one pixel for images of 32 x 32.
    """
    check_size(in_shape, 1 << len(GROUPS))
    specs: list[BlockSpec] = []
    channels = in_shape.channels
    for filters, num_convs in GROUPS:
        for index in range(num_convs):
            stride = 2 if index == num_convs - 1 else 1
            specs.append(conv(channels, filters, stride=stride))
            channels = filters
    return nn.Sequential(*map(Block, [*specs, scores(channels, num_classes, average=True)]))


def vgg8(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """A small VGG: pairs of 3 x 3 convolutions, one pair a block.

    32, 64 and 128 filters, pooling by two after each pair, then 128 and the classes.
    """
    check_size(in_shape, 8)
    channels, height, width = in_shape
    specs: list[BlockSpec] = []
    for filters in (32, 64, 128):
        specs.append(conv(channels, filters, stride=2, layers=2))
        channels = filters
    area = (height // 8) * (width // 8)
    hidden = BlockSpec(
        kind="linear", in_channels=channels, out_channels=128, area=area, dropout=0.5
    )
    return nn.Sequential(*map(plainly_initialised, [*specs, hidden, scores(128, num_classes)]))
