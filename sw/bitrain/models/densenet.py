"""Densely connected networks for small images: G. Huang et al., arXiv:1608.06993, section 4.2.

Batch norm and ReLU come after each convolution, where the paper has them before it.
"""

from torch import nn

from bitrain.spec import Shape

from .blocks.block import Block
from .blocks.spec import BlockSpec
from .parts import check_size, conv, scores

GROWTH = 12


def densenet100(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """DenseNet-BC: stages of 16 layers of 1 x 1 to 48 and 3 x 3 to 12, 0.77 million weights."""
    return cifar_densenet(in_shape, num_classes, stem=24, blocks=4, layers=4, middle=4 * GROWTH)


def densenet22(in_shape: Shape, num_classes: int) -> nn.Sequential:
    """A small one: stages of 6 layers of 3 x 3 to 12."""
    return cifar_densenet(in_shape, num_classes, stem=16, blocks=2, layers=3)


def cifar_densenet(
    in_shape: Shape,
    num_classes: int,
    *,
    stem: int,
    blocks: int,
    layers: int,
    middle: int | None = None,
) -> nn.Sequential:
    """Three stages of ``blocks`` dense blocks; between them channels, rows and columns halve.

    stem: filters of the first convolution. layers: of each block. middle: channels after the 1 x 1
    convolution in each layer, if it has one.
    """
    check_size(in_shape, 4)
    specs = [BlockSpec(kind="conv", in_channels=in_shape.channels, out_channels=stem)]
    channels = stem
    for stage in range(3):
        if stage > 0:
            halved = {"kernel": 1, "stride": 2, "downsample": "average"}
            specs.append(conv(channels, channels // 2, **halved))
            channels //= 2
        for _ in range(blocks):
            specs.append(
                BlockSpec(
                    kind="dense",
                    in_channels=channels,
                    out_channels=channels + layers * GROWTH,
                    layers=layers,
                    middle=middle,
                )
            )
            channels += layers * GROWTH
    return nn.Sequential(*map(Block, [*specs, scores(channels, num_classes, average=True)]))
