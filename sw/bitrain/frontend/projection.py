"""Shortcuts with weights: a projection is a part of the convolution that it is added to.

The sum of a convolution and of a 1 x 1 convolution of the block's input (K. He et al.,
arXiv:1512.03385, option B) is one convolution of both maps side by side, with zeros around the
projection's weights. Sums stay signed, and products of zero weights add nothing to a stream.
"""

from dataclasses import replace

import torch
from torch import nn

from bitrain.spec import BitrainError, Shape

from .float_layer import FloatLayer
from .steps import conv_step, fold_norm
from .supported import IGNORED


def projection_step(path: str, module: nn.Module, in_shape: Shape) -> FloatLayer:
    """A shortcut of a 1 x 1 Conv2d, alone or with BatchNorm2d, as a step of the block's input."""
    modules = list(module) if isinstance(module, nn.Sequential) else [module]
    modules = [part for part in modules if type(part) not in IGNORED]
    match modules:
        case [nn.Conv2d() as conv]:
            step = conv_step(path, conv, in_shape)
        case [nn.Conv2d() as conv, nn.BatchNorm2d() as norm]:
            step = fold_norm(path, norm, conv_step(path, conv, in_shape))
        case _:
            names = ", ".join(type(part).__name__ for part in modules) or "nothing"
            raise BitrainError(
                f"{path}: a shortcut of {names} is not supported; use bitrain.models.Subsample, or "
                "a 1 x 1 Conv2d with or without BatchNorm2d"
            )
    if step.weight.shape[2:] != (1, 1) or step.padding != (0, 0) or step.groups > 1:
        raise BitrainError(
            f"{path}: the Conv2d of a shortcut must have kernel_size=1, padding=0 and groups=1"
        )
    return step


def subsampling(last: FloatLayer, projection: FloatLayer) -> tuple[int, int] | None:
    """Strides that bring the block's input to the map that ``last`` reads; None: there are none."""
    (rows, columns), (sh, sw) = projection.stride, last.stride
    if rows % sh or columns % sw or last.groups > 1:
        return None
    height, width = projection.in_shape[1:]
    fits = (-(-height * sh // rows), -(-width * sw // columns)) == last.in_shape[1:]
    centred = all(pad < size for pad, size in zip(last.padding, last.weight.shape[2:], strict=True))
    return (rows // sh, columns // sw) if fits and centred else None


def with_projection(last: FloatLayer, projection: FloatLayer, *, beside: bool) -> FloatLayer:
    """``last`` with the projection in its weights and its bias.

    beside: the block's input lies behind what ``last`` reads; otherwise it is what ``last`` reads.
    """
    channels, (ph, pw) = projection.in_shape.channels, last.padding
    weight = torch.zeros(len(last.bias), channels, *last.weight.shape[2:])
    weight[:, :, ph, pw] = projection.weight[:, :, 0, 0]
    if beside:
        in_channels, height, width = last.in_shape
        shape = Shape(in_channels + channels, height, width)
        merged = replace(last, in_shape=shape, weight=torch.cat([last.weight, weight], 1))
    else:
        merged = replace(last, weight=last.weight + weight)
    return replace(merged, bias=last.bias + projection.bias)
