"""A block as a torch module: batch norm and ReLU after each convolution, as the chain reads it."""

from collections.abc import Callable

import torch
from torch import nn

from bitrain.spec import BitrainError, Shape

from ..context import evaluating
from .joins import Concatenate, Residual, Subsample
from .spec import BLOCK_KINDS, BlockSpec


class Block(nn.Sequential):
    """The modules that a :class:`BlockSpec` describes; ``modules`` are used in their place."""

    def __init__(self, spec: BlockSpec, *modules: nn.Module):
        if not modules and spec.kind not in _BUILDERS:
            raise BitrainError(
                f"a block of kind {spec.kind!r} cannot be built; choose one of {list(BLOCK_KINDS)}"
            )
        super().__init__(*(modules or _BUILDERS[spec.kind](spec)))
        self.spec = spec

    @torch.no_grad()
    def out_shape(self, in_shape: Shape) -> Shape:
        """Shape of what comes out for one input; a vector is a map of one pixel."""
        parameter = next(self.parameters(), torch.empty(0))
        try:
            with evaluating(self):
                found = self(parameter.new_zeros(1, *in_shape)).shape[1:]
        except (RuntimeError, ValueError) as error:
            size = " x ".join(map(str, in_shape))
            raise BitrainError(f"a {self.spec.kind} block does not fit a map of {size}") from error
        return Shape(*found, *(1,) * (3 - len(found)))


def _conv_bn(
    channels: int, filters: int, kernel: int, *, stride: int = 1, padding: int = 0, groups: int = 1
):
    form = (channels, filters, kernel, stride, padding)
    conv = nn.Conv2d(*form, groups=groups, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return [conv, nn.BatchNorm2d(filters)]


def _same(spec: BlockSpec, channels: int, filters: int, stride: int = 1, groups: int = 1):
    """The block's k x k convolution."""
    padding = spec.kernel // 2 if spec.padding is None else spec.padding
    return _conv_bn(channels, filters, spec.kernel, stride=stride, padding=padding, groups=groups)


def _stride(spec: BlockSpec) -> int:
    return spec.stride if spec.downsample == "stride" else 1


def _pool(spec: BlockSpec) -> list[nn.Module]:
    if spec.stride == 1 or spec.downsample == "stride":
        return []
    return [(nn.MaxPool2d if spec.downsample == "max" else nn.AvgPool2d)(spec.stride)]


def _conv(spec: BlockSpec) -> list[nn.Module]:
    modules: list[nn.Module] = []
    channels, stride = spec.in_channels, _stride(spec)
    for _ in range(spec.layers):
        modules += [*_same(spec, channels, spec.out_channels, stride), nn.ReLU()]
        channels, stride = spec.out_channels, 1
    return modules + _pool(spec)


def _join(spec: BlockSpec, *body: nn.Module) -> list[nn.Module]:
    """The body with a shortcut: without weights, but where channels are lost."""
    stride, channels, filters = _stride(spec), spec.in_channels, spec.out_channels
    shortcut: nn.Module | None = None
    if filters < channels:
        shortcut = nn.Sequential(*_conv_bn(channels, filters, 1, stride=stride))
    elif stride > 1 or filters > channels:
        shortcut = Subsample(channels, filters, stride)
    return [Residual(nn.Sequential(*body), shortcut), *_pool(spec)]


def _residual(spec: BlockSpec) -> list[nn.Module]:
    middle = spec.middle or spec.out_channels
    first = _same(spec, spec.in_channels, middle, _stride(spec))
    return _join(spec, *first, nn.ReLU(), *_same(spec, middle, spec.out_channels))


def _bottleneck(spec: BlockSpec) -> list[nn.Module]:
    middle = spec.middle or max(1, spec.out_channels // 4)
    first = [*_conv_bn(spec.in_channels, middle, 1), nn.ReLU()]
    second = [*_same(spec, middle, middle, _stride(spec)), nn.ReLU()]
    return _join(spec, *first, *second, *_conv_bn(middle, spec.out_channels, 1))


def _dense(spec: BlockSpec) -> list[nn.Module]:
    growth, rest = divmod(spec.out_channels - spec.in_channels, spec.layers)
    transition = growth < 1 or rest > 0
    if transition:
        growth = max(1, spec.out_channels // (2 * spec.layers))
    modules: list[nn.Module] = []
    channels = spec.in_channels
    for _ in range(spec.layers):
        body = [*_conv_bn(channels, spec.middle, 1), nn.ReLU()] if spec.middle else []
        body += [*_same(spec, spec.middle or channels, growth), nn.ReLU()]
        modules.append(Concatenate(nn.Sequential(*body)))
        channels += growth
    if transition:
        modules += [*_conv_bn(channels, spec.out_channels, 1), nn.ReLU()]
    # No convolution here sees all the channels and can skip pixels: pooling does it.
    if spec.stride > 1:
        modules.append((nn.MaxPool2d if spec.downsample == "max" else nn.AvgPool2d)(spec.stride))
    return modules


def _separable(spec: BlockSpec) -> list[nn.Module]:
    channels = spec.in_channels
    return [
        *(*_same(spec, channels, channels, _stride(spec), groups=channels), nn.ReLU()),
        *(*_conv_bn(channels, spec.out_channels, 1), nn.ReLU()),
        *_pool(spec),
    ]


def _linear(spec: BlockSpec) -> list[nn.Module]:
    modules: list[nn.Module] = [nn.AdaptiveAvgPool2d(1)] if spec.average else []
    modules.append(nn.Flatten())
    if spec.dropout:
        modules.append(nn.Dropout(spec.dropout))
    modules.append(nn.Linear(spec.in_channels * spec.area, spec.out_channels))
    return [*modules, nn.ReLU()] if spec.relu else modules


_BUILDERS: dict[str, Callable[[BlockSpec], list[nn.Module]]] = {
    "conv": _conv,
    "residual": _residual,
    "bottleneck": _bottleneck,
    "dense": _dense,
    "separable": _separable,
    "linear": _linear,
}
