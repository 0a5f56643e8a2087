"""Operations of the graph: what a network computes, on maps (batch, channels, rows, columns).

A vector is a map of one pixel, and a signal of one dimension a map of one row.
"""

from dataclasses import dataclass, field, replace
from math import inf

import torch
from torch import Tensor
from torch.nn import functional as F

from bitrain.spec import MaxPool2d, Shape

from .float_layer import pooled, surrounded

Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Input:
    """The image."""

    def run(self) -> Tensor:
        """Given to a run of the graph."""
        raise AssertionError


@dataclass(frozen=True, eq=False, kw_only=True)
class Convolution:
    """Of any kind; a linear layer is one of 1 x 1 pixels that reads its input flattened."""

    weight: Tensor
    """(out, in / groups, rows, columns), float32."""
    bias: Tensor
    """(out,), float32."""
    stride: Pair = (1, 1)
    before: Pair = (0, 0)
    """Rows and columns around the map, before its first and after its last."""
    after: Pair = (0, 0)
    value: Tensor | None = None
    """What stands there for each input channel, (in,); None: zero."""
    dilation: Pair = (1, 1)
    groups: int = 1
    linear: bool = False
    trained: bool = True
    """Whether the weights change in training; not those of averages and copies."""

    def run(self, maps: Tensor) -> Tensor:
        """(batch, out, rows, columns)."""
        if self.linear:
            maps = maps.flatten(1)[:, :, None, None]
        maps = surrounded(maps, self.before, self.after, 0.0 if self.value is None else self.value)
        return F.conv2d(maps, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

    @property
    def kernel(self) -> Pair:
        """Rows and columns of the weights."""
        return self.weight.shape[2], self.weight.shape[3]

    @property
    def is_padded(self) -> bool:
        """Whether windows leave the map."""
        return any((*self.before, *self.after))

    @property
    def is_pointwise(self) -> bool:
        """Whether a neuron reads one pixel."""
        return self.kernel == (1, 1) and not self.is_padded

    @property
    def is_mean(self) -> bool:
        """Whether it gives means of pixels of each channel by itself."""
        if self.trained or self.linear or self.is_padded or self.groups != self.in_channels:
            return False
        share = 1 / (self.kernel[0] * self.kernel[1])
        return len(self.weight) == self.groups and bool((self.weight == share).all())

    @property
    def in_channels(self) -> int:
        """Channels that it reads."""
        return self.weight.shape[1] * self.groups

    @property
    def columns(self) -> Tensor:
        """Weights of every output channel for every input channel: (out, in, rows, columns)."""
        if self.groups == 1:
            return self.weight
        size, reads = len(self.weight) // self.groups, self.weight.shape[1]
        whole = self.weight.new_zeros(len(self.weight), self.in_channels, *self.kernel)
        for group in range(self.groups):
            rows = slice(group * size, (group + 1) * size)
            whole[rows, group * reads : (group + 1) * reads] = self.weight[rows]
        return whole

    def scaled(self, gain: Tensor, offset: Tensor) -> "Convolution":
        """With gain · result + offset of every output channel."""
        weight = self.weight * gain[:, None, None, None]
        return replace(self, weight=weight, bias=self.bias * gain + offset)


@dataclass(frozen=True, eq=False)
class Affine:
    """gain · x + offset, of every channel by itself."""

    gain: Tensor
    offset: Tensor

    def run(self, maps: Tensor) -> Tensor:
        """The same shape."""
        return maps * self.gain[:, None, None] + self.offset[:, None, None]


@dataclass(frozen=True, eq=False)
class Clip:
    """min(max(x, low), high): ReLU and what saturates."""

    low: float = 0.0
    high: float = inf
    free: Tensor | None = None
    """Channels that are not clipped, (channels,); None: all are."""

    def run(self, maps: Tensor) -> Tensor:
        """The same shape."""
        clipped = maps.clamp(self.low, self.high)
        return (
            clipped if self.free is None else torch.where(self.free[:, None, None], maps, clipped)
        )


@dataclass(frozen=True, eq=False)
class Leaky:
    """x, or slope · x where it is negative, with a slope for each channel."""

    slope: Tensor

    def run(self, maps: Tensor) -> Tensor:
        """The same shape."""
        return torch.where(maps > 0, maps, maps * self.slope[:, None, None])


@dataclass(frozen=True, eq=False)
class Pool:
    """Max pooling."""

    window: MaxPool2d

    def run(self, maps: Tensor) -> Tensor:
        """(batch, channels, rows, columns)."""
        return pooled(maps, self.window)


@dataclass(frozen=True, eq=False)
class Add:
    """The sum of two maps of one shape."""

    def run(self, first: Tensor, second: Tensor) -> Tensor:
        """The same shape."""
        return first + second


@dataclass(frozen=True, eq=False)
class Concatenate:
    """Channels of several maps after each other."""

    def run(self, *maps: Tensor) -> Tensor:
        """(batch, sum of channels, rows, columns)."""
        return torch.cat(maps, 1)


@dataclass(frozen=True, eq=False)
class Gather:
    """Elements in another order, some left out or repeated, zeros among them."""

    index: Tensor
    """Place of every element in the flattened input, -1 for zero: (channels, rows, columns)."""

    def run(self, maps: Tensor) -> Tensor:
        """(batch, *index.shape)."""
        flat = F.pad(maps.flatten(1), (0, 1))  # -1 is the last
        return flat[:, self.index]


@dataclass(frozen=True, eq=False)
class Score:
    """What does not change which score is the largest."""

    name: str

    def run(self, maps: Tensor) -> Tensor:
        """The same shape."""
        return maps


Operation = Input | Convolution | Affine | Clip | Leaky | Pool | Add | Concatenate | Gather | Score


def copy_of(shape: Shape, stride: Pair = (1, 1)) -> Convolution:
    """Every channel as it is, or some of its pixels."""
    return mean_of(shape, (1, 1), stride=stride)


def mean_of(shape: Shape, kernel: Pair, **geometry) -> Convolution:
    """The mean of the pixels of a window, of every channel by itself.

    Its weights are all the same. Quantised they are 1, whose stream is all ones, so that products
    are exact.
    """
    weight = torch.full((shape.channels, 1, *kernel), 1 / (kernel[0] * kernel[1]))
    bias = torch.zeros(shape.channels)
    return Convolution(weight=weight, bias=bias, groups=shape.channels, trained=False, **geometry)


@dataclass(eq=False)
class Origin:
    """A part of the model as the user wrote it, for messages and for what became of it."""

    operation: str
    path: str
    """Of the module that does it; empty for the model itself."""
    line: str
    """``file:line`` where that is known."""
    fate: str = ""
    replaced: bool = False
    """Whether ReLU stands in its place."""

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.path, self.line) if part)
        return f"{self.operation} ({where})" if where else self.operation


@dataclass(eq=False)
class Node:
    """An operation in a graph."""

    operation: Operation
    inputs: list["Node"]
    shape: Shape
    name: str
    """Unique; of the module where one module does it."""
    origins: list[Origin] = field(default_factory=list)
    value: Tensor | None = None
    """What the model gives here for the images that a graph is compared on."""

    @property
    def source(self) -> "Node":
        """Its only input."""
        (source,) = self.inputs
        return source
