"""Single modules read as engine steps, or as what they change in one."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from bitrain.spec import BitrainError, MaxPool2d, Shape

from .float_layer import FloatLayer


def conv_step(path: str, module: nn.Conv2d, in_shape: Shape) -> FloatLayer:
    """The step of a convolution."""
    if module.dilation != (1, 1):
        raise BitrainError(f"{path}: Conv2d with dilation={module.dilation}; use dilation=1")
    if isinstance(module.padding, str) or module.padding_mode != "zeros":
        raise BitrainError(
            f"{path}: Conv2d with padding={module.padding!r}, mode {module.padding_mode!r}; "
            "use zero padding given as a number"
        )
    return FloatLayer(
        name=path,
        kind="conv2d",
        in_shape=in_shape,
        weight=_weight(path, module),
        bias=_bias(module),
        groups=module.groups,
        stride=_pair(module.stride),
        padding=_pair(module.padding),
    )


def linear_step(path: str, module: nn.Linear, in_shape: Shape, *, averaged: bool) -> FloatLayer:
    """The step of a linear layer, which reads the mean of each channel where ``averaged``."""
    weight = _weight(path, module)
    if averaged:
        # The mean over a map, as a sum in which every pixel has its share of the weight.
        area = in_shape.height * in_shape.width
        weight = (weight / area).repeat_interleave(area, 1)
    return FloatLayer(
        name=path,
        kind="linear",
        in_shape=Shape(in_shape.size, 1, 1),
        weight=weight[:, :, None, None],
        bias=_bias(module),
    )


def average_step(path: str, module: nn.AvgPool2d, in_shape: Shape) -> FloatLayer:
    """Average pooling: a convolution of every channel by itself, whose weights are all the same.

    Quantised they are 1, whose stream is all ones, so that products are exact. Sums are never
    negative, and the ReLU changes nothing.
    """
    if module.ceil_mode or module.divisor_override:
        option = "ceil_mode=True" if module.ceil_mode else "divisor_override"
        raise BitrainError(f"{path}: AvgPool2d with {option}; leave it out")
    padding = _pair(module.padding)
    if padding != (0, 0) and not module.count_include_pad:
        raise BitrainError(
            f"{path}: AvgPool2d with padding={module.padding}, count_include_pad=False; use "
            "count_include_pad=True or padding=0"
        )
    kernel, stride = _pair(module.kernel_size), _pair(module.stride)
    return _fixed(path, in_shape, kernel, stride=stride, padding=padding)


def copy_step(path: str, in_shape: Shape, stride: tuple[int, int] = (1, 1)) -> FloatLayer:
    """Every channel as it is: brings channels of several sources to one scale, in one buffer."""
    return _fixed(path, in_shape, (1, 1), stride=stride)


def _fixed(path: str, in_shape: Shape, kernel: tuple[int, int], **geometry) -> FloatLayer:
    channels, area = in_shape.channels, kernel[0] * kernel[1]
    return FloatLayer(
        name=path,
        kind="conv2d",
        in_shape=in_shape,
        weight=torch.full((channels, 1, *kernel), 1 / area),
        bias=torch.zeros(channels),
        trained=False,
        relu=True,
        groups=channels,
        **geometry,
    )


def fold_norm(path: str, module: nn.BatchNorm2d, step: FloatLayer) -> FloatLayer:
    """``step`` with batch norm in its weights and bias."""
    if module.running_mean is None or module.running_var is None:
        raise BitrainError(
            f"{path}: BatchNorm2d keeps no running statistics; use track_running_stats=True"
        )
    gain = (module.running_var + module.eps).rsqrt()
    offset = -module.running_mean * gain
    if module.affine:
        gain, offset = gain * module.weight, offset * module.weight + module.bias
    gain, offset = gain.detach().float(), offset.detach().float()
    return replace(
        step, weight=step.weight * gain[:, None, None, None], bias=step.bias * gain + offset
    )


def pool_of(path: str, module: nn.MaxPool2d) -> MaxPool2d:
    """The pooling of a step."""
    if _pair(module.padding) != (0, 0):
        raise BitrainError(f"{path}: MaxPool2d with padding={module.padding}; use padding=0")
    if _pair(module.dilation) != (1, 1):
        raise BitrainError(f"{path}: MaxPool2d with dilation={module.dilation}; use dilation=1")
    if module.ceil_mode or module.return_indices:
        option = "ceil_mode" if module.ceil_mode else "return_indices"
        raise BitrainError(f"{path}: MaxPool2d with {option}=True; use {option}=False")
    return MaxPool2d(kernel=_pair(module.kernel_size), stride=_pair(module.stride))


def _weight(path: str, module: nn.Conv2d | nn.Linear) -> Tensor:
    if module.weight.dtype not in (torch.float32, torch.float64):
        raise BitrainError(f"{path}: weights of {module.weight.dtype}; call model.float() first")
    return module.weight.detach().clone().float()


def _bias(module: nn.Conv2d | nn.Linear) -> Tensor:
    if module.bias is None:
        return torch.zeros(len(module.weight))
    return module.bias.detach().clone().float()


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
