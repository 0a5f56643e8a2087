"""Residual networks for small images: K. He et al., arXiv:1512.03385, section 4.2."""

from typing import Literal

from torch import nn

from bitrain.spec import Shape

from .blocks.block import Block
from .blocks.spec import BlockSpec
from .parts import check_size, conv, scores

STEM = 16
WIDTHS = (16, 32, 64)


def resnet20(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """Three stages of three basic blocks with shortcuts of option A, 0.27 million weights."""
    return cifar_resnet(in_shape, num_classes, blocks=3, widths=WIDTHS)


def resnet56(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """Three stages of nine basic blocks, 0.85 million weights."""
    return cifar_resnet(in_shape, num_classes, blocks=9, widths=WIDTHS)


def resnet83(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """Three stages of nine bottlenecks of 16, 32 and 64 channels inside and 4 times as many out."""
    return cifar_resnet(in_shape, num_classes, blocks=9, widths=(64, 128, 256), kind="bottleneck")


def wrn28_10(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """S. Zagoruyko and N. Komodakis, *Wide Residual Networks*, arXiv:1605.07146; 36 million.

    Batch norm and ReLU come after each convolution and shortcuts have no weights, unlike there.
    """
    return cifar_resnet(in_shape, num_classes, blocks=4, widths=(160, 320, 640))


def cifar_resnet(
    in_shape: Shape,
    num_classes: int,
    *,
    blocks: int,
    widths: tuple[int, ...],
    kind: Literal["residual", "bottleneck"] = "residual",
) -> nn.Sequential:
    """A stem of 16 filters, ``blocks`` blocks for each of ``widths``; later stages halve maps."""
    check_size(in_shape, 4)
    specs = [BlockSpec(kind="conv", in_channels=in_shape.channels, out_channels=STEM)]
    channels = STEM
    for stage, filters in enumerate(widths):
        for index in range(blocks):
            stride = 2 if stage > 0 and index == 0 else 1
            specs.append(
                BlockSpec(kind=kind, in_channels=channels, out_channels=filters, stride=stride)
            )
            channels = filters
    return nn.Sequential(*map(Block, [*specs, scores(channels, num_classes, average=True)]))


def resnet9(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """A wide, shallow residual network that trains fast: nine layers with weights, 2.5 million.

    Three convolutions, each with max pooling, and a residual block after the first and the last of
    them, as in https://github.com/davidcpage/cifar10-fast, with fewer filters.
    """
    check_size(in_shape, 10)

    def pooled(channels: int, filters: int) -> BlockSpec:
        return conv(channels, filters, stride=2)

    def residual(channels: int) -> BlockSpec:
        return BlockSpec(kind="residual", in_channels=channels, out_channels=channels)

    # Without padding the maps are 30, 15, 7 and 3 pixels wide: a fifth less work than 32, 16, 8, 4.
    stem = BlockSpec(kind="conv", in_channels=in_shape.channels, out_channels=16, padding=0)
    specs = [stem, pooled(16, 64), residual(64), pooled(64, 160), pooled(160, 320), residual(320)]
    return nn.Sequential(*map(Block, [*specs, scores(320, num_classes, average=True)]))
