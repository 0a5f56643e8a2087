"""Layers as the accelerator runs them: one step of the engine each.

A layer is a field of neurons with one window geometry. For output channel o and each position:

    A   = bias_o + Σ_k sign(w_ok) · |{t < L : r_t(k) < a_k  and  r'_t(k) < |w_ok|}|
              + gain · 2^upscale_o · (shortcut's activation)
    out = clip(floor(A / 2^(shift + upscale_o)), 0, 2^n)     with ReLU
    out = A                                                   for the last layer: the scores

k runs over (input channel, kernel row, kernel column) in C order and uses lane k mod N of the SNG
banks, or that of its slot where inputs are in words (``word``). Element (row, column) of the window
of neuron (y, x) lies at (y, x) · stride − padding + (row, column) · dilation in the map; where that
is outside, a_k is the ``padding_value`` of its channel. Input and output channels may be in groups,
as many of each; a neuron then reads the input channels of its own group only, and k counts these.
Max pooling compares the requantised integers. A linear layer is a 1 x 1 window over the map
flattened in C order to (K, 1, 1). That is counter mode;
in stream mode (``stream``) neurons fire while the streams run, and a pooling window fires as one.
Networks may OR product bits of neighbouring inputs before they are counted (``or_groups``).
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from .sequence import MAX_WIDTH
from .word import Word, input_slots

MAX_ACCUMULATOR_BITS = 31
"""Signed bits that every accumulator fits in (float32 sums in training stay exact below 25)."""

MAX_UPSCALE = 7
"""Largest upscale of a channel beyond its layer's normalisation, in bits."""

ARRAYS = ("weight", "bias", "upscale")
"""Fields of a layer that are arrays."""

OPTIONAL_ARRAYS = ("padding_value",)
"""Fields that are arrays, and are stored where an element is not zero."""

Neuron = Literal["counter", "stream"]
"""Requantise the sum at its end, or accumulate and fire (see ``stream``)."""

Pair = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
"""(rows, columns)"""
Margin = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]]
"""(rows, columns) beyond a map, at one of its ends."""


def _is(value: Any) -> Callable[[Any], bool]:
    """Whether a field has its default, and is then not written."""
    return lambda found: found == value


class Shape(NamedTuple):
    """A feature map, stored in C order."""

    channels: int
    height: int
    width: int

    @property
    def size(self) -> int:
        """Number of activations."""
        return self.channels * self.plane

    @property
    def plane(self) -> int:
        """Activations of a channel."""
        return self.height * self.width


class MaxPool2d(BaseModel):
    """Max pooling. Places beyond the map count for nothing; a partial window is dropped.

    Engines put the nearest place of the map there, which is in the same window.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kernel: Pair
    stride: Pair
    padding: Margin = Field(default=(0, 0), exclude_if=_is((0, 0)))
    """Before the first row and column; less than the kernel."""
    padding_after: Margin = Field(default=(0, 0), exclude_if=_is((0, 0)))
    """After the last row and column; less than the kernel."""

    @model_validator(mode="after")
    def _check(self):
        for padding in (self.padding, self.padding_after):
            if any(pad >= size for pad, size in zip(padding, self.kernel, strict=True)):
                raise ValueError(
                    f"pooling pads {padding}, which the kernel {self.kernel} must exceed"
                )
        return self

    def count(self, axis: int, size: int) -> int:
        """Windows along the rows (axis 0) or columns (1) of a map of ``size``."""
        whole = size + self.padding[axis] + self.padding_after[axis]
        return (whole - self.kernel[axis]) // self.stride[axis] + 1

    def places(self, axis: int, size: int) -> np.ndarray:
        """Rows (axis 0) or columns (1) of a map of ``size`` that windows read.

        (windows, kernel), integers.
        """
        first = np.arange(self.count(axis, size)) * self.stride[axis] - self.padding[axis]
        return (first[:, None] + np.arange(self.kernel[axis])).clip(0, size - 1)


class Shortcut(BaseModel):
    """Activations of an earlier layer, added to the neurons of this one as they were stored.

    Neuron (o, y, x) gets that of channel o - ``before`` at (row stride · y, column stride · x), and
    nothing where there is no such channel: K. He et al., arXiv:1512.03385, option A.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: int = Field(ge=-1)
    """Index of the layer that stored them; -1 stands for the image."""
    gain: int = Field(ge=1, le=1 << 12)
    """Product bits of this layer that one step of theirs is worth."""
    stride: Pair = (1, 1)
    before: int = Field(default=0, ge=0)


class Layer(BaseModel):
    """Convolution or linear layer with its ReLU, requantisation and max pooling.

    Arrays are integers, read-only, and travel outside the JSON header of a network file.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        validate_by_name=True,
        serialize_by_alias=True,  # the names in network files
    )

    kind: Literal["conv2d", "linear"]
    name: str = Field(min_length=1)
    """Module path in the trained model."""
    in_shape: Shape
    weight: np.ndarray = Field(exclude=True, repr=False)
    """Signed magnitudes in [-2^n, 2^n], int32: (out, in / groups, kernel rows, kernel columns)."""
    bias: np.ndarray = Field(exclude=True, repr=False)
    """Initial accumulator value in product bits (1/L of a unit), int32: (out,)."""
    shift: int = Field(default=0, ge=-16, le=24)
    """Right shift from accumulator to activation; negative shifts left. Unused for scores."""
    upscale: np.ndarray = Field(default_factory=lambda: np.zeros(0), exclude=True, repr=False)
    """Further right shift of each output channel, whose weights use so many bits more of their
    range, int32: (out,). Zero for scores; not given, all zero."""
    shortcut: Shortcut | None = None
    source: int | None = Field(default=None, ge=-1)
    """The layer (-1: the image) whose output this one reads; by default the layer before it."""
    concat_after: int | None = Field(
        default=None, ge=-1, validation_alias="append", serialization_alias="append"
    )
    """The layer (-1: the image) behind whose output this one's is put: who reads this output reads
    that layer's channels first, with those that they lie behind."""
    stream_length: int = Field(ge=1, le=1 << MAX_WIDTH)
    """L, a power of two, at most 2^n."""
    neuron: Neuron = "counter"
    """Mode of the layer's neurons."""
    relu: bool = True
    """False only for the last layer, whose accumulators are the scores."""
    groups: int = Field(default=1, ge=1)
    """Output channel o reads input channels in / groups · g and on, with g = o · groups div out."""
    stride: Pair = (1, 1)
    padding: Margin = (0, 0)
    """Rows and columns before the map, and, unless ``padding_after`` says else, after it."""
    padding_after: Margin | None = Field(default=None, exclude_if=_is(None))
    """Rows and columns after the map."""
    padding_value: np.ndarray = Field(
        default=np.zeros(0, np.int32), validate_default=True, exclude=True, repr=False
    )
    """Activation that stands around each input channel, in 0 … 2^n, int32: (in,). Not given, 0."""
    dilation: Pair = Field(default=(1, 1), exclude_if=_is((1, 1)))
    """Steps between neighbouring rows and columns of a window."""
    pool: MaxPool2d | None = None
    word: Word | None = Field(default=None, exclude_if=_is(None))
    """How inputs are put into slots, slot k for lane k mod N; None: input k is in slot k."""
    flattened: Shape | None = Field(default=None, exclude_if=_is(None))
    """The map that a linear layer reads, where its inputs are in words."""

    @model_validator(mode="before")
    @classmethod
    def _no_upscale(cls, data):
        if isinstance(data, dict) and data.get("upscale") is None and "bias" in data:
            return {**data, "upscale": np.zeros(len(data["bias"]), np.int32)}
        return data

    @field_validator(*ARRAYS, *OPTIONAL_ARRAYS, mode="before")
    @classmethod
    def _integers(cls, value):
        value = np.asarray(value)
        if not np.issubdtype(value.dtype, np.integer):
            raise ValueError(f"expected integers, got {value.dtype}")
        if value.max(initial=0) >= 1 << 31 or value.min(initial=0) < -(1 << 31):
            raise ValueError("integers of more than 32 bits")
        value = value.astype(np.int32)
        value.setflags(write=False)
        return value

    @field_validator("padding_value")
    @classmethod
    def _no_padding_value(cls, value: np.ndarray, info: ValidationInfo):
        shape = info.data.get("in_shape")
        if shape is None or value.any():
            return value
        # A view of a single zero: a spoilt file may ask for any number of channels.
        return np.broadcast_to(np.int32(0), max(0, min(shape.channels, 1 << 31)))

    @model_validator(mode="after")
    def _check(self):
        if self.stream_length & (self.stream_length - 1):
            raise ValueError(f"stream length {self.stream_length} is not a power of two")
        channels = self.in_shape.channels
        if self.weight.ndim != 4 or self.weight.shape[1] * self.groups != channels:
            of_groups = f" in {self.groups} groups" if self.groups > 1 else ""
            raise ValueError(
                f"weight {self.weight.shape} does not fit input {tuple(self.in_shape)}{of_groups}"
            )
        if self.out_channels % self.groups:
            raise ValueError(
                f"{self.out_channels} output channels are no multiple of {self.groups} groups"
            )
        if self.bias.shape != (self.out_channels,):
            raise ValueError(f"bias {self.bias.shape} does not match weight {self.weight.shape}")
        if self.upscale.shape != (self.out_channels,):
            raise ValueError(
                f"upscale {self.upscale.shape} does not match weight {self.weight.shape}"
            )
        if self.upscale.min(initial=0) < 0 or self.upscale.max(initial=0) > MAX_UPSCALE:
            raise ValueError(f"upscale must lie in 0 … {MAX_UPSCALE}")
        if self.upscale.any() and not self.relu:
            raise ValueError("scores of different upscale cannot be compared")
        if self.kind == "linear" and (self.in_shape[1:] != (1, 1) or self.kernel != (1, 1)):
            raise ValueError("a linear layer takes a flattened (K, 1, 1) input and 1 x 1 weights")
        if self.kind == "linear" and self.groups > 1:
            raise ValueError("a linear layer has no groups")
        if self.padding_value.shape != (channels,) or self.padding_value.min(initial=0) < 0:
            raise ValueError(
                f"padding_value {self.padding_value.shape} must be a number from 0 for each of "
                f"{channels} input channels"
            )
        if self.neuron == "stream" and (self.shortcut or not self.relu):
            what = "adds a shortcut" if self.shortcut else "gives the scores"
            raise ValueError(f"layer {self.name!r} {what} and cannot be in stream mode")
        if self.word is not None:
            self._check_word(self.word)
        if min(self.conv_shape) < 1:
            raise ValueError(f"kernel {self.window} exceeds the padded input {self.in_shape}")
        if min(self.out_shape) < 1:
            raise ValueError(f"pooling window exceeds the map {self.conv_shape}")
        low, high = self.sum_range
        if max(-low, high) >> (MAX_ACCUMULATOR_BITS - 1):
            raise ValueError(
                f"accumulator range {low} … {high} exceeds {MAX_ACCUMULATOR_BITS} bits"
            )
        return self

    def _check_word(self, word: Word) -> None:
        if self.neuron == "stream":
            raise ValueError(f"layer {self.name!r} is in stream mode, which has no words of inputs")
        if word.along == "columns" and self.dilation[1] > 1:
            raise ValueError(f"layer {self.name!r} has columns apart, which are no words")
        flat = self.flattened.size if self.flattened else None
        if flat != (self.num_inputs if self.kind == "linear" else None):
            raise ValueError(
                f"layer {self.name!r} has inputs in words; flattened = {self.flattened} must be "
                "the map that a linear layer reads, and left out elsewhere"
            )

    def __eq__(self, other: object) -> bool:
        # Comparing arrays gives arrays, which the generated method cannot take.
        if not isinstance(other, Layer) or self.model_dump() != other.model_dump():
            return False
        arrays = (*ARRAYS, *OPTIONAL_ARRAYS)
        return all(np.array_equal(getattr(self, a), getattr(other, a)) for a in arrays)

    def __hash__(self) -> int:
        return hash((self.name, self.weight.tobytes(), self.bias.tobytes()))

    @property
    def kernel(self) -> Pair:
        """Window (rows, columns)."""
        return self.weight.shape[2], self.weight.shape[3]

    @property
    def out_channels(self) -> int:
        """Neurons per position."""
        return self.weight.shape[0]

    @property
    def group_channels(self) -> int:
        """Output channels of a group."""
        return self.out_channels // self.groups

    @property
    def group_inputs(self) -> int:
        """Input channels of a group."""
        return self.weight.shape[1]

    @property
    def num_inputs(self) -> int:
        """K, products per neuron."""
        return self.weight[0].size

    @property
    def slots(self) -> np.ndarray:
        """For each slot the input in it, -1 where there is none: (slots,), integers."""
        if self.word is None:
            return np.arange(self.num_inputs)
        channels, rows, columns = self.flattened or self.weight.shape[1:]
        return self.word.slots((channels, rows, columns))

    @property
    def num_slots(self) -> int:
        """Slots of a neuron's inputs."""
        return self.num_inputs if self.word is None else len(self.slots)

    @property
    def input_slots(self) -> np.ndarray:
        """The slot of each input: (K,), integers."""
        return input_slots(self.slots)

    @property
    def weight_matrix(self) -> np.ndarray:
        """Weights as (out, K)."""
        return self.weight.reshape(self.out_channels, -1)

    @property
    def margins(self) -> tuple[Margin, Margin]:
        """Rows and columns before the map, and after it."""
        return self.padding, self.padding if self.padding_after is None else self.padding_after

    @property
    def window(self) -> Pair:
        """Rows and columns from a window's first element to its last."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return (kh - 1) * dh + 1, (kw - 1) * dw + 1

    @property
    def conv_shape(self) -> Shape:
        """Map of neurons, before pooling."""
        (window_rows, window_columns), (sh, sw) = self.window, self.stride
        rows, columns = (
            size + sum(ends)
            for size, ends in zip(self.in_shape[1:], zip(*self.margins, strict=True), strict=True)
        )
        height, width = (rows - window_rows) // sh + 1, (columns - window_columns) // sw + 1
        return Shape(self.out_channels, height, width)

    @property
    def pool_window(self) -> MaxPool2d:
        """The pooling window, 1 x 1 where there is none."""
        return self.pool or MaxPool2d(kernel=(1, 1), stride=(1, 1))

    @property
    def out_shape(self) -> Shape:
        """Map of stored activations (or scores)."""
        pool, (channels, *sizes) = self.pool_window, self.conv_shape
        height, width = (pool.count(axis, size) for axis, size in enumerate(sizes))
        return Shape(channels, height, width)

    @property
    def macs(self) -> int:
        """Multiply-accumulates per image."""
        return self.conv_shape.size * self.num_inputs

    @property
    def sum_range(self) -> tuple[int, int]:
        """Least and greatest value of an accumulator, its shortcut left out."""
        bias = self.bias.astype(np.int64)
        low = bias - self.stream_length * (self.weight_matrix < 0).sum(1)
        high = bias + self.stream_length * (self.weight_matrix > 0).sum(1)
        return min(0, int(low.min())), max(0, int(high.max()))
