"""The network: the one artefact that training hands to golden model, RTL and cost model."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from .bank import SngBank
from .concatenation import parts_read, parts_stored
from .exits import Exit, check_exits
from .images import check_images
from .layer import MAX_ACCUMULATOR_BITS, Layer, Shape
from .or_groups import OrLanes, sum_range
from .stream import check_thresholds

FORMAT_VERSION = 5


class Network(BaseModel):
    """Layers in order, with the number format and the SNG banks that they share.

    A layer reads what its source stored, with what this was put behind, and may add what another
    earlier one stored. Inputs are integers in [0, 2^n] that stand for [0, 1]. Precision n is one
    for the whole network, because lane wiring permutes n bits and must stay wires; layers choose
    their own stream length L <= 2^n.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    gives_scores: ClassVar[bool] = True
    """Whether the last layer gives scores; not that of a part (``pipeline.Part``)."""

    format_version: Literal[5] = FORMAT_VERSION
    name: str = Field(min_length=1)
    activation_bank: SngBank
    weight_bank: SngBank
    or_lanes: OrLanes = 1
    """g, inputs whose product bits are ORed before they are counted (``or_groups``)."""
    layers: tuple[Layer, ...] = Field(min_length=1)
    image_shape: Shape | None = Field(default=None, exclude_if=lambda shape: shape is None)
    """Shape of an image that a linear first layer flattens; None: the first layer's own shape."""
    exits: tuple[Exit, ...] = Field(default=(), exclude_if=lambda exits: not exits)
    """Where an image may be decided before its streams end (``exits``), shortest first."""
    metadata: dict[str, Any] = Field(default_factory=dict)
    """Where it comes from: recipe, data set, accuracies. JSON values; nothing computes with it."""

    @model_validator(mode="after")
    def _check(self):
        if self.activation_bank.sequence.width != self.weight_bank.sequence.width:
            raise ValueError("activation and weight banks differ in width")
        if len(self.activation_bank.lanes) != len(self.weight_bank.lanes):
            raise ValueError("activation and weight banks differ in lanes")
        check_exits(self.exits, max(layer.stream_length for layer in self.layers))
        self._check_concatenations()
        self._check_reads()
        for layer in self.layers:
            last = layer is self.layers[-1] and self.gives_scores
            if layer.relu == last:
                expected = "no ReLU (it gives the scores)" if last else "a ReLU (unipolar output)"
                raise ValueError(f"layer {layer.name!r} needs {expected}")
            if last and layer.pool:
                raise ValueError(f"layer {layer.name!r} gives the scores and cannot pool them")
            if np.abs(layer.weight).max(initial=0) > self.one:
                raise ValueError(f"layer {layer.name!r} has a weight above 2^{self.bits}")
            if layer.padding_value.max(initial=0) > self.one:
                raise ValueError(f"layer {layer.name!r} has a padding value above 2^{self.bits}")
            if layer.stream_length > self.one:
                raise ValueError(f"layer {layer.name!r} has a stream longer than 2^{self.bits}")
            if layer.neuron == "stream":
                self._check_stream(layer)
            if layer.word and self.or_lanes > 1:
                raise ValueError(f"layer {layer.name!r} has inputs in words, which have no groups")
            self._check_shortcut(layer)
        return self

    def _check_stream(self, layer: Layer) -> None:
        if self.or_lanes > 1:
            raise ValueError(
                f"layer {layer.name!r} is in stream mode, which has no OR groups; or_lanes = "
                f"{self.or_lanes} is for networks in counter mode"
            )
        check_thresholds(layer, self.bits)

    def _check_reads(self) -> None:
        used = {layer.shortcut.source for layer in self.layers if layer.shortcut}
        for index, (layer, parts) in enumerate(zip(self.layers, self.reads, strict=True)):
            if layer.source is not None and layer.source >= index:
                raise ValueError(f"layer {layer.name!r} reads what is stored after it")
            used.update(parts)
            shape = self.stored_shape(parts[-1])
            flattened = Shape(shape.size, 1, 1) if layer.kind == "linear" else shape
            if layer.flattened not in (None, shape):
                raise ValueError(
                    f"layer {layer.name!r} flattens {tuple(shape)}, not {tuple(layer.flattened)}"
                )
            whole = layer.kind == "conv2d" and len(parts) == 1
            if layer.in_shape != flattened and not (whole and layer.in_shape.size == shape.size):
                giver = repr(self.layers[parts[-1]].name) if parts[-1] >= 0 else "the image"
                raise ValueError(
                    f"layer {layer.name!r} takes {tuple(layer.in_shape)} but {giver} gives "
                    f"{tuple(flattened)}"
                )
        for index, layer in enumerate(self.layers[:-1]):
            if index not in used:
                raise ValueError(f"nothing reads layer {layer.name!r}")

    def _check_concatenations(self) -> None:
        taken: dict[int, str] = {}
        for index, layer in enumerate(self.layers):
            if (behind := layer.concat_after) is None:
                continue
            if behind >= index:
                raise ValueError(f"layer {layer.name!r} is put behind what is stored after it")
            if index == len(self.layers) - 1:
                raise ValueError(f"layer {layer.name!r} gives the scores; nothing reads them")
            if behind in taken:
                raise ValueError(
                    f"layers {taken[behind]!r} and {layer.name!r} are put behind the same output"
                )
            taken[behind] = layer.name
            before = self.stored_shape(behind)
            if before[1:] != layer.out_shape[1:]:
                raise ValueError(
                    f"layer {layer.name!r} gives {tuple(layer.out_shape)}, which cannot be put "
                    f"behind {tuple(before)}"
                )

    @property
    def reads(self) -> tuple[tuple[int, ...], ...]:
        """For each layer, whose outputs it reads, first channels first; -1 stands for the image."""
        return parts_read(self.layers)

    @property
    def stored(self) -> dict[int, tuple[int, ...]]:
        """For each layer, and for the image (-1), what it lies behind, and itself last."""
        return parts_stored(self.layers)

    def stored_shape(self, index: int) -> Shape:
        """What layer ``index`` (-1: the image) leaves for the next, with what it lies behind."""
        if index < 0:
            return self.in_shape
        layer = self.layers[index]
        channels, height, width = layer.out_shape
        if layer.concat_after is not None:
            channels += self.stored_shape(layer.concat_after).channels
        return Shape(channels, height, width)

    def added_shape(self, index: int) -> Shape:
        """What layer ``index`` (-1: the image) stores by itself."""
        return self.in_shape if index < 0 else self.layers[index].out_shape

    def _check_shortcut(self, layer: Layer) -> None:
        if (shortcut := layer.shortcut) is None:
            return
        if shortcut.source >= next(i for i, other in enumerate(self.layers) if other is layer):
            raise ValueError(f"layer {layer.name!r} adds what a layer after it stores")
        channels, height, width = self.added_shape(shortcut.source)
        (sh, sw), conv = shortcut.stride, layer.conv_shape
        giver = repr(self.layers[shortcut.source].name) if shortcut.source >= 0 else "the image"
        if (-(-height // sh), -(-width // sw)) != conv[1:] or channels + shortcut.before > conv[0]:
            raise ValueError(
                f"layer {layer.name!r} of {tuple(conv)} neurons cannot add "
                f"{giver} of {(channels, height, width)}"
            )
        _, high = self.accumulator_range(layer)
        if high >> (MAX_ACCUMULATOR_BITS - 1):
            raise ValueError(
                f"layer {layer.name!r} accumulates up to {high}, over {MAX_ACCUMULATOR_BITS} bits"
            )

    def accumulator_range(self, layer: Layer) -> tuple[int, int]:
        """Least and greatest value that an accumulator of ``layer`` can take."""
        low, high = layer.sum_range if self.or_lanes == 1 else sum_range(layer, self.or_lanes)
        if layer.shortcut:
            high += layer.shortcut.gain * self.one << int(layer.upscale.max())
        return low, high

    @property
    def bits(self) -> int:
        """Precision n."""
        return self.activation_bank.sequence.width

    @property
    def one(self) -> int:
        """2^n, the integer that stands for 1.0."""
        return 1 << self.bits

    @property
    def num_lanes(self) -> int:
        """Period of the lane wiring; the array's lane count is a multiple of it."""
        return len(self.activation_bank.lanes)

    @property
    def in_shape(self) -> Shape:
        """Shape of one image."""
        return self.image_shape or self.layers[0].in_shape

    def check_images(self, shape: Sequence[int]) -> None:
        """Raise :class:`BitrainError` unless a batch of images of ``shape`` can be read."""
        check_images(shape, self.in_shape)

    @property
    def num_scores(self) -> int:
        """Length of the score vector (C order)."""
        return self.layers[-1].out_shape.size

    @property
    def macs(self) -> int:
        """Multiply-accumulates per image."""
        return sum(layer.macs for layer in self.layers)
