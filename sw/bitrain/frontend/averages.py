"""Average pooling as a convolution, windows that are partly beyond the map included."""

import torch

from bitrain.spec import MaxPool2d, Shape

from .operations import Convolution, Pair

LARGEST = 1 << 16
"""Weights of an average whose windows differ, which takes a neuron of its own for each."""


def average_of(
    shape: Shape,
    window: MaxPool2d,
    padding: Pair,
    *,
    counts_padding: bool = True,
    divisor: int | None = None,
) -> Convolution | None:
    """The mean of each window; None where windows differ and the map is large.

    padding: rows and columns that torch counts as pixels (``count_include_pad``); the window may
    go beyond them (``ceil_mode``), which does not count.
    """
    sizes = shape[1:]
    counts = [
        _counts(window, axis, size, pad if counts_padding else 0)
        for axis, (size, pad) in enumerate(zip(sizes, padding, strict=True))
    ]
    area = torch.outer(*counts)
    if divisor is not None:
        area = torch.full_like(area, divisor)
    if (area == area[0, 0]).all():
        channels, kernel = shape.channels, window.kernel
        return Convolution(
            weight=torch.full((channels, 1, *kernel), 1 / float(area[0, 0])),
            bias=torch.zeros(channels),
            stride=window.stride,
            before=window.padding,
            after=window.padding_after,
            groups=channels,
            trained=False,
        )
    return None


def _counts(window: MaxPool2d, axis: int, size: int, counted: int) -> torch.Tensor:
    """Pixels that each window has along an axis, with ``counted`` ones at either end."""
    kernel, stride, before = window.kernel[axis], window.stride[axis], window.padding[axis]
    windows = (size + before + window.padding_after[axis] - kernel) // stride + 1
    first = torch.arange(windows) * stride - before
    low, high = first.clamp(min=-counted), (first + kernel).clamp(max=size + counted)
    return high - low
