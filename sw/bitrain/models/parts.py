"""What the families share: the check of the image size, initial weights, the last block."""

from typing import Any

import torch
from torch import nn

from bitrain.spec import BitrainError, Shape

from .blocks.block import Block
from .blocks.spec import BlockSpec


def check_size(in_shape: Shape, least: int) -> None:
    """:class:`BitrainError` for images of fewer than ``least`` rows or columns."""
    _, height, width = in_shape
    if min(height, width) < least:
        raise BitrainError(
            f"images of {height} x {width} are too small; expected at least {least} x {least}"
        )


def conv(channels: int, filters: int, **options: Any) -> BlockSpec:
    """A block of 3 x 3 convolutions unless ``options`` say else; a stride is of max pooling."""
    usual = {"kind": "conv", "downsample": "max"}
    return BlockSpec(in_channels=channels, out_channels=filters, **{**usual, **options})


def scores(
    in_channels: int, num_classes: int, *, area: int = 1, average: bool = False
) -> BlockSpec:
    """The last block of a network: linear, without a ReLU."""
    return BlockSpec(
        kind="linear",
        in_channels=in_channels,
        out_channels=num_classes,
        area=area,
        average=average,
        relu=False,
    )


def plainly_initialised(spec: BlockSpec) -> Block:
    """A block with the initial weights that torch's own layers draw."""
    with torch.random.fork_rng(devices=[]):
        block = Block(spec)
    for module in block:
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.reset_parameters()
    return block
