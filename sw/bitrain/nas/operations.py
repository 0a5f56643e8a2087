"""Candidate operations of a cell: what an edge can do with the activation that it carries.

As in DARTS (H. Liu et al., arXiv:1806.09055), but a node applies its ReLU after summing its edges,
so operations end with batch norm and every stored activation is unipolar, as the accelerator needs.
Operations map the width themselves; there are no convolutions for that alone.
"""

from collections.abc import Callable

from torch import Tensor, nn

from bitrain.models import Subsample
from bitrain.spec import BitrainError


class Zero(nn.Module):
    """Nothing comes out: an edge that is not there."""

    def __init__(self, out_channels: int, stride: int):
        super().__init__()
        self.out_channels, self.stride = out_channels, stride

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, in, rows, columns) to zeros (batch, out, rows / stride, columns / stride)."""
        kept = inputs[:, :1, :: self.stride, :: self.stride]
        return kept.new_zeros(()).expand(len(kept), self.out_channels, *kept.shape[2:])


def _conv_bn(channels: int, filters: int, kernel: int, stride: int = 1):
    conv = nn.Conv2d(channels, filters, kernel, stride, padding=kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(filters)]


def _conv(kernel: int) -> Callable[[int, int, int], nn.Module]:
    return lambda channels, filters, stride: nn.Sequential(
        *_conv_bn(channels, filters, kernel, stride)
    )


def _narrow(channels: int, filters: int, stride: int) -> nn.Module:
    """A 3 x 3 convolution of half the width and one of 1 x 1 to the whole."""
    half = max(1, filters // 2)
    first = _conv_bn(channels, half, 3, stride)
    return nn.Sequential(*first, nn.ReLU(), *_conv_bn(half, filters, 1))


def _separable(kernel: int, dilation: int = 1) -> Callable[[int, int, int], nn.Module]:
    def build(channels: int, filters: int, stride: int) -> nn.Module:
        padding = dilation * (kernel // 2)
        geometry = (kernel, stride, padding, dilation)
        depthwise = nn.Conv2d(channels, channels, *geometry, groups=channels, bias=False)
        norm = nn.BatchNorm2d(channels)
        return nn.Sequential(depthwise, norm, nn.ReLU(), *_conv_bn(channels, filters, 1))

    return build


def _skip(channels: int, filters: int, stride: int) -> nn.Module:
    if channels == filters and stride == 1:
        return nn.Identity()
    return Subsample(channels, filters, stride)


def _pool(kind: type[nn.AvgPool2d] | type[nn.MaxPool2d]) -> Callable[[int, int, int], nn.Module]:
    def build(channels: int, filters: int, stride: int) -> nn.Module:
        pool = kind(3, stride=stride, padding=1)
        return nn.Sequential(pool, _skip(channels, filters, 1)) if channels != filters else pool

    return build


OPERATIONS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "none": lambda channels, filters, stride: Zero(filters, stride),
    "skip": _skip,
    "conv_1x1": _conv(1),
    "conv_3x3": _conv(3),
    "conv_5x5": _conv(5),
    "narrow_3x3": _narrow,
    "sep_conv_3x3": _separable(3),
    "sep_conv_5x5": _separable(5),
    "dil_conv_3x3": _separable(3, dilation=2),
    "dil_conv_5x5": _separable(5, dilation=2),
    "avg_pool_3x3": _pool(nn.AvgPool2d),
    "max_pool_3x3": _pool(nn.MaxPool2d),
}
"""Name to ``(in_channels, out_channels, stride) -> module``."""

ACCELERATED = (
    *("none", "skip", "conv_1x1", "conv_3x3", "conv_5x5", "narrow_3x3"),
    *("sep_conv_3x3", "sep_conv_5x5"),
)
"""Those that networks for the accelerator may have; it runs no dilation, and pools no border."""


def build_operation(name: str, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """A new operation; raises :class:`BitrainError` for an unknown name."""
    if name not in OPERATIONS:
        raise BitrainError(f"operation {name!r} is unknown; choose from {list(OPERATIONS)}")
    return OPERATIONS[name](in_channels, out_channels, stride)
