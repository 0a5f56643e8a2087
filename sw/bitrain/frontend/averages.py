"""Average pooling as convolutions, windows that are partly beyond the map included."""

from dataclasses import replace

import torch
from torch import Tensor

from bitrain.spec import MaxPool2d, Shape

from .operations import Convolution, Pair, mean_of


def averages_of(
    shape: Shape,
    window: MaxPool2d,
    padding: Pair,
    *,
    counts_padding: bool = True,
    divisor: int | None = None,
) -> list:
    """The mean of each window: a convolution, and what reads that in another shape.

    Where windows have different numbers of pixels there are two convolutions, first of rows and
    then of columns, in which every neuron reads a whole column or row and has weights of its own.
    They come with the shape, (channels, rows, columns), in which they read the one before.
    padding: rows and columns that torch counts as pixels (``count_include_pad``); windows may go
    beyond them (``ceil_mode``), which does not count.
    """
    channels, *sizes = shape
    counts = [
        _counts(window, axis, size, pad if counts_padding else 0)
        for axis, (size, pad) in enumerate(zip(sizes, padding, strict=True))
    ]
    if divisor is not None:
        counts = [torch.full_like(counts[0], divisor), torch.ones_like(counts[1])]
    if all((each == each[0]).all() for each in counts):
        area = float(counts[0][0] * counts[1][0])
        mean = mean_of(
            shape,
            window.kernel,
            stride=window.stride,
            before=window.padding,
            after=window.padding_after,
        )
        return [replace(mean, weight=torch.full_like(mean.weight, 1 / area))]
    rows, columns = (
        _shares(window, axis, size, count)
        for axis, (size, count) in enumerate(zip(sizes, counts, strict=True))
    )
    down = _apart(rows[:, None, :, None], channels)
    across = _apart(columns[:, None, None, :], channels * len(rows))
    flat = (channels * len(rows), 1, sizes[1])
    return [down, (across, flat)]


def _apart(weight: Tensor, groups: int) -> Convolution:
    """The same weights for each channel by itself."""
    weight = weight.repeat(groups, 1, 1, 1)
    bias = torch.zeros(len(weight))
    return Convolution(weight=weight, bias=bias, groups=groups, trained=False)


def _shares(window: MaxPool2d, axis: int, size: int, counts: Tensor) -> Tensor:
    """What each window takes of each pixel along an axis: (windows, size)."""
    first = torch.arange(len(counts)) * window.stride[axis] - window.padding[axis]
    pixels = torch.arange(size)
    inside = (pixels >= first[:, None]) & (pixels < first[:, None] + window.kernel[axis])
    return inside / counts[:, None]


def _counts(window: MaxPool2d, axis: int, size: int, counted: int) -> Tensor:
    """Pixels that each window has along an axis, with ``counted`` ones at either end."""
    kernel, stride, before = window.kernel[axis], window.stride[axis], window.padding[axis]
    windows = (size + before + window.padding_after[axis] - kernel) // stride + 1
    first = torch.arange(windows) * stride - before
    low, high = first.clamp(min=-counted), (first + kernel).clamp(max=size + counted)
    return high - low
