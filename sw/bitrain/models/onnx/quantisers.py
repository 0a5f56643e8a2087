"""Quantisers of a trained network: those of weights are applied, those of activations are clips.

QONNX's ``Quant`` (A. Pappalardo et al., *QONNX: Representing Arbitrary-Precision Quantized Neural
Networks*, 2022) is (clip(round(x / s + z), low, high) - z) · s; ``QuantizeLinear`` and
``DequantizeLinear`` are its halves. An accelerator has a grid of its own, so of a quantiser of
activations only the clip stays: from (low - z) · s to (high - z) · s.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from bitrain.spec import BitrainError

from .file import spelt

Range = tuple[float, float]
"""Least and largest whole number of a quantiser."""

ROUNDINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ROUND": np.rint,
    "HALF_EVEN": np.rint,
    "FLOOR": np.floor,
    "CEIL": np.ceil,
    "ROUND_TO_ZERO": np.trunc,
    "DOWN": np.trunc,
    "UP": lambda x: np.sign(x) * np.ceil(np.abs(x)),
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - 0.5),
}
MOST_BITS = 32


@dataclass(frozen=True)
class Grid:
    """Numbers (k - zero) · scale, k from one end to the other."""

    source: str
    """The value that is brought onto it."""
    scale: np.ndarray
    zero: np.ndarray
    ends: Range = (0, 0)

    @property
    def bits(self) -> int:
        """Of its whole numbers."""
        return max(1, int(self.ends[1] - self.ends[0]).bit_length())


@dataclass(frozen=True)
class Quantiser:
    """One that was found."""

    bits: int
    of_weights: bool
    """Applied; else of activations, and made a clip."""


def told(quantisers: list[Quantiser]) -> str:
    """Bit widths, and how often each is there: ``weights of 4 bits (5), activations of …``."""
    parts = []
    for of_weights, name in ((True, "weights"), (False, "activations")):
        counts = Counter(each.bits for each in quantisers if each.of_weights == of_weights)
        parts += [
            f"{name} of {bits} bit{'s' if bits > 1 else ''} ({counts[bits]})"
            for bits in sorted(counts)
        ]
    return ", ".join(parts)


def whole_numbers(bits: int, *, signed: bool, narrow: bool = False) -> Range:
    """Least and largest of so many bits; narrow: as many below zero as above, or one less."""
    if signed:
        return narrow - (1 << bits - 1), (1 << bits - 1) - 1
    return 0, (1 << bits) - 1 - narrow


def range_of(kind: np.dtype, node: onnx.NodeProto) -> Range:
    """Least and largest of a type of whole numbers, ONNX's own of 4 bits among them."""
    name = str(kind)
    if not name.startswith(("int", "uint")):
        raise BitrainError(f"{spelt(node)}: quantises to {name}; expected whole numbers")
    return whole_numbers(int(name.lstrip("uint")), signed=name.startswith("i"))


def options_of(node: onnx.NodeProto) -> dict[str, Any]:
    """Attributes that a node has."""
    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def quant_range(node: onnx.NodeProto, width: np.ndarray) -> tuple[Range, int]:
    """Whole numbers of a ``Quant``, and its bits."""
    options, bits = options_of(node), float(width.max())
    if width.min() != bits or bits != int(bits) or not 1 <= bits <= MOST_BITS:
        raise BitrainError(
            f"{spelt(node)}: bit width {width.tolist()}; expected one whole number of 1 to "
            f"{MOST_BITS}"
        )
    signed, narrow = bool(options.get("signed", 1)), bool(options.get("narrow", 0))
    return whole_numbers(int(bits), signed=signed, narrow=narrow and bits > 1), int(bits)


def applied(node: onnx.NodeProto, inputs: list[np.ndarray]) -> tuple[np.ndarray, int]:
    """What a quantiser of QONNX makes of weights, and its bits."""
    x, scale, *others = inputs
    if node.op_type == "BipolarQuant":
        return np.where(x >= 0, scale, -scale).astype(x.dtype), 1
    if node.op_type == "Trunc":
        raise BitrainError(f"{spelt(node)}: cuts weights; export them as they are")
    zero, width = others
    (low, high), bits = quant_range(node, width)
    rounding = options_of(node).get("rounding_mode", b"ROUND").decode().upper()
    if rounding not in ROUNDINGS:
        raise BitrainError(f"{spelt(node)}: rounding {rounding!r}; expected {', '.join(ROUNDINGS)}")
    steps = np.clip(ROUNDINGS[rounding](x / scale + zero), low, high)
    return ((steps - zero) * scale).astype(x.dtype), bits


class Clipping:
    """What stands in the place of a quantiser of activations, in ONNX's own operators."""

    def __init__(self, node: onnx.NodeProto, constants: Mapping[str, np.ndarray], rank: int | None):
        self.node = node
        self.constants = constants
        self.rank = rank
        """Dimensions of what it reads, where that is known."""
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []

    def quant(self, *, of_image: bool) -> int | None:
        """Of ``Quant``: a clip; gives its bits. ``Trunc``, which only rounds, is left out."""
        node = self.node
        if node.op_type == "Trunc":
            self._add("Identity", node.input[0], node.output[0])
            return None
        if node.op_type == "BipolarQuant":
            raise BitrainError(
                f"{spelt(node)}: the accelerator has no activation of two values; train the "
                "network with 2 bits or more"
            )
        grid = Grid(node.input[0], self.constant(1, "scale"), self.constant(2, "zero point"))
        ends, bits = quant_range(node, self.constant(3, "bit width"))
        self.clip(replace(grid, ends=ends), of_image=of_image)
        return bits

    def quantize(self) -> Grid:
        """Of ``QuantizeLinear``, less its rounding; gives its grid."""
        node, zero = self.node, self.constant(2, "zero point")
        given = self.constants.get(node.input[2]) if len(node.input) > 2 else None
        kind = np.dtype(np.uint8) if given is None else given.dtype
        if given is None and (code := options_of(node).get("output_dtype", 0)):
            kind = helper.tensor_dtype_to_np_dtype(code)
        scale = self._along(self.constant(1, "scale"))
        steps = self._add("Div", node.input[0], "", scale)
        zero = self._along(zero)
        if zero.any():
            steps = self._add("Add", steps, "", zero)
        ends = range_of(kind, node)
        self._add("Clip", steps, node.output[0], *ends)
        return Grid(node.input[0], scale, zero, ends)

    def dequantize(self, grid: Grid | None, *, of_image: bool) -> None:
        """Of ``DequantizeLinear``; grid: of what it reads, where that is known."""
        node = self.node
        scale, zero = self._along(self.constant(1, "scale")), self._along(self.constant(2, "zero"))
        if (
            grid is not None
            and np.array_equal(scale, grid.scale)
            and np.array_equal(zero, grid.zero)
        ):
            self.clip(grid, of_image=of_image)
            return
        steps = node.input[0]
        if zero.any():
            steps = self._add("Sub", steps, "", zero)
        self._add("Mul", steps, node.output[0], scale)

    def clip(self, grid: Grid, *, of_image: bool) -> None:
        """From the least to the largest number of a grid; images have a grid of their own."""
        low, high = ((end - grid.zero) * grid.scale for end in grid.ends)
        source, out = grid.source, self.node.output[0]
        if of_image and (low <= 0).all() and (high >= 1 - grid.scale).all():
            self._add("Identity", source, out)
        elif len({*low.flat}) == len({*high.flat}) == 1:
            self._add("Clip", source, out, low.flat[0], high.flat[0])
        else:  # of each channel
            self._add("Max", self._add("Min", source, "", high), out, low)

    def constant(self, index: int, what: str) -> np.ndarray:
        """An input that must not depend on the image; zero where it is left out."""
        name = self.node.input[index] if index < len(self.node.input) else ""
        if not name:
            return np.zeros(())
        if name not in self.constants:
            raise BitrainError(
                f"{spelt(self.node)}: its {what} depends on the image; expected a constant"
            )
        return np.asarray(self.constants[name]).astype(np.float64)

    def _along(self, value: np.ndarray) -> np.ndarray:
        """A number, or those of each index of an axis, to be broadcast."""
        if value.size == 1:
            return value.reshape(())
        if value.ndim != 1 or self.rank is None:
            raise BitrainError(
                f"{spelt(self.node)}: a scale of shape {value.shape}; expected one number, or one "
                "for each index of an axis"
            )
        axis = options_of(self.node).get("axis", 1) % self.rank
        return value.reshape(-1, *[1] * (self.rank - 1 - axis))

    def _add(self, kind: str, source: str, out: str, *values: Any) -> str:
        """A node that reads ``source`` and numbers; gives the name of its result."""
        out = out or f"{self.node.output[0]}.{len(self.nodes)}"
        names = []
        for i, value in enumerate(values):
            names.append(f"{out}.{kind}.{i}")
            tensor = numpy_helper.from_array(np.asarray(value, np.float32), names[-1])
            self.tensors.append(tensor)
        name = self.node.name or self.node.output[0]
        self.nodes.append(helper.make_node(kind, [source, *names], [out], name=name))
        return out
