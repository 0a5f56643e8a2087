"""Exact product sums, as the hardware forms them, with the gradients of the real-valued layer.

Neuron o sums sign(w_ok) · |{t < L : r_t(k) < a_k and r'_t(k) < |w_ok|}| over its inputs k. On a CPU
the golden model counts packed streams. On a GPU a neuron is a dot product of K L bits with K L
signed bits, so a layer is one matrix product of 8-bit integers. The real-valued sum
L / 4^n · Σ a_k w_ok, which the gradient is taken from, is never formed (straight-through estimator:
Y. Bengio, N. Léonard and A. Courville, arXiv:1308.3432, 2013).
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bitrain.golden import Streams, convolve
from bitrain.spec import BitrainError, SngBank

from .safe_convolution import safe_layout

FLOAT32_EXACT = 1 << 24
BITS_AT_ONCE = 1 << 28
"""Expanded activation bits that a matrix product takes at once: 256 MiB."""
INT8_MULTIPLE = 8
"""What matrix products of 8-bit integers ask of columns; they need more than twice as many rows."""

Pair = tuple[int, int]


class Geometry(NamedTuple):
    """Of a convolution."""

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    slots: np.ndarray | None = None
    """Of each input of a window, by which it meets lanes (``spec.Layer.input_slots``)."""


class _ExactConvolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, activations: Tensor, weight: Tensor, sums: "ExactSums", geometry: Geometry
    ) -> Tensor:
        ctx.save_for_backward(activations, weight)
        ctx.geometry, ctx.sums = geometry, sums
        device = activations.device.type
        autocast = torch.is_autocast_enabled(device)
        ctx.dtype = torch.get_autocast_dtype(device) if autocast else activations.dtype
        with torch.autocast(device, enabled=False):
            return sums.exact(activations, weight, geometry)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        activations, weight = ctx.saved_tensors
        of_type = (gradients[0].to(ctx.dtype), activations.to(ctx.dtype), weight.to(ctx.dtype))
        found = ctx.sums.gradients(*of_type, ctx.geometry, ctx.needs_input_grad[:2])
        pairs = zip(found, (activations, weight), strict=True)
        return *(g if g is None else g.to(like.dtype) for g, like in pairs), None, None


class ExactSums(nn.Module, ABC):
    """Product sums of a layer in product bits (1/L of a unit), without its bias."""

    fineness = 1
    """Steps of a sum per product bit."""
    loses_bits = False
    """Whether a shorter run has numbers of fewer bits, most significant ones first; else it has
    fewer cycles."""

    def __init__(self, bits: int, length: int):
        super().__init__()
        self.bits = bits
        self.length = length

    def forward(
        self, activations: Tensor, weight: Tensor, geometry: Geometry | None = None
    ) -> Tensor:
        """Sums (batch, out, rows, columns), exact, with the real-valued layer's gradients.

        activations: whole numbers 0 … 2^n, (batch, in, rows, columns); weight: signed magnitudes,
        (out, in / groups, kernel rows, kernel columns); both of a float type. The sums are of the
        type that :meth:`dtype` gives for them. Under autocast the backward pass takes autocast's.
        """
        geometry = geometry or Geometry()
        result = _ExactConvolution.apply(activations, weight, self, geometry)
        assert isinstance(result, Tensor)
        return result

    @abstractmethod
    def exact(self, activations: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        """The sums alone."""

    @abstractmethod
    def shorter(self, lost: int) -> "ExactSums":
        """The sums of L / 2^lost, or of numbers of so many bits less."""

    def gradients(
        self,
        gradient: Tensor,
        activations: Tensor,
        weight: Tensor,
        geometry: Geometry,
        needed: tuple[bool, bool],
    ) -> tuple[Tensor | None, Tensor | None]:
        """Gradients of activations and of weights, where needed: those of the real-valued layer."""
        stride, padding, dilation, groups, _ = geometry
        activations, weight = safe_layout(activations, weight, stride)
        operands = (gradient * (self.length / 4.0**self.bits), activations, weight, None)
        convolution = (stride, padding, dilation, False, (0, 0), groups)
        wanted = (*needed, False)
        return torch.ops.aten.convolution_backward(*operands, *convolution, wanted)[:2]

    @abstractmethod
    def dtype(self, num_inputs: int, largest_bias: int = 0) -> torch.dtype:
        """Float type in which sums of so many products and a bias in product bits are exact."""


class StochasticSums(ExactSums):
    """Product sums of streams."""

    activation_selects: Tensor
    weight_selects: Tensor

    def __init__(self, activation_bank: SngBank, weight_bank: SngBank, length: int):
        super().__init__(activation_bank.sequence.width, length)
        self.streams = Streams(activation_bank, weight_bank, length)
        self.banks = activation_bank, weight_bank
        for name, bank in ("activation", activation_bank), ("weight", weight_bank):
            selects = torch.from_numpy(bank.selects(length).astype("int32"))
            self.register_buffer(f"{name}_selects", selects, persistent=False)

    def shorter(self, lost: int) -> "StochasticSums":
        """Of the first cycles."""
        return StochasticSums(*self.banks, self.length >> lost)

    def dtype(self, num_inputs: int, largest_bias: int = 0) -> torch.dtype:
        """Float type that holds L per product, and a bias, exactly."""
        return _exact_dtype(num_inputs * self.length + largest_bias)

    def exact(self, activations: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        """Sums by the compiled kernel on the CPU, by :meth:`multiply` elsewhere."""
        activations, weight = activations.detach(), weight.detach().to(torch.int32)
        if activations.device.type == "cpu":
            operands = (activations.numpy(), weight.numpy())
            sums = torch.from_numpy(convolve(self.streams, *operands, **geometry._asdict()))
        else:
            sums = self.multiply(activations, weight, geometry)
        return sums.to(self.dtype(weight[0].numel()))

    def multiply(self, activations: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        """The sums as matrix products of 0/1 expansions, on any device: int32."""
        windows, shape = unfold_windows(activations, weight, geometry)
        groups = geometry.groups
        pairs = zip(
            windows.to(torch.int32).transpose(1, 2).flatten(0, 1).chunk(groups, 1),
            weight.to(torch.int32).flatten(1).chunk(groups),
            strict=True,
        )
        lanes = torch.arange(weight[0].numel()) if geometry.slots is None else geometry.slots
        lanes = torch.as_tensor(lanes, device=weight.device) % len(self.weight_selects)
        sums = torch.cat([self._product(rows, matrix, lanes) for rows, matrix in pairs], 1)
        return sums.unflatten(0, (len(activations), -1)).transpose(1, 2).reshape(shape)

    def _product(self, rows: Tensor, matrix: Tensor, lanes: Tensor) -> Tensor:
        """Sums of the products of each row, (rows, K), with each channel's weights, (out, K)."""
        activation_bank, weight_bank = self.banks
        expanded = _expand(weight_bank, matrix.abs(), self.weight_selects[lanes])
        expanded *= matrix.sign().to(torch.int8).repeat_interleave(self.length, 1)
        columns = _padded(expanded).T
        sums = []
        for part in rows.split(max(1, BITS_AT_ONCE // len(columns))):
            bits = _expand(activation_bank, part, self.activation_selects[lanes])
            bits = _padded(bits, least=3 * INT8_MULTIPLE)
            sums.append(torch.ops.aten._int_mm(bits, columns)[: len(part), : len(matrix)])
        return torch.cat(sums)


class BinarySums(ExactSums):
    """Exact products of the same integers in the same unit: the same-width integer baseline."""

    loses_bits = True

    def __init__(self, bits: int, length: int):
        super().__init__(bits, length)
        self.fineness = 4**bits // length

    def shorter(self, lost: int) -> "BinarySums":
        """Of numbers of so many bits less; the unit of biases is coarser as far as it can be."""
        return type(self)(self.bits - lost, max(1, self.length >> lost))

    def dtype(self, num_inputs: int, largest_bias: int = 0) -> torch.dtype:
        """Float type that holds 4^n per product, and the bias in the same steps, exactly."""
        return _exact_dtype(num_inputs * 4**self.bits + largest_bias * self.fineness)

    def exact(self, activations: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        """Sums by a float convolution on the CPU, by matrix products elsewhere."""
        dtype = self.dtype(weight[0].numel())
        activations, weight = activations.to(dtype), weight.to(dtype)
        if activations.device.type == "cpu":
            return F.conv2d(activations, weight, None, *geometry[:4]) / self.fineness
        # Some algorithms for convolutions on GPUs (Winograd, FFT) are not exact on integers.
        windows, shape = unfold_windows(activations, weight, geometry)
        groups = geometry.groups
        matrices = weight.flatten(1).unflatten(0, (groups, -1))
        return (matrices @ windows.unflatten(1, (groups, -1))).reshape(shape) / self.fineness


class BitSerialSums(BinarySums):
    """Those of numbers up to 2^n - 1, as which full scale is multiplied (``spec.planes``)."""

    def exact(self, activations: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
        """As there."""
        most = (1 << self.bits) - 1
        return super().exact(activations.clamp(max=most), weight.clamp(-most, most), geometry)


def unfold_windows(
    activations: Tensor, weight: Tensor, geometry: Geometry
) -> tuple[Tensor, tuple[int, int, int, int]]:
    """The inputs of every position (batch, K, positions), and the shape of the sums."""
    sides = zip(activations.shape[2:], weight.shape[2:], *geometry[:3], strict=True)
    rows, columns = (
        (size + 2 * padding - (kernel - 1) * dilation - 1) // stride + 1
        for size, kernel, stride, padding, dilation in sides
    )
    stride, padding, dilation, *_ = geometry
    kernel = tuple(weight.shape[2:])
    windows = F.unfold(activations, kernel, dilation=dilation, padding=padding, stride=stride)
    return windows, (len(activations), len(weight), rows, columns)


def _expand(bank: SngBank, numbers: Tensor, selects: Tensor) -> Tensor:
    """Bits of (rows, K) integers, whose lanes select so, (K, L): (rows, K L), int8."""
    return bank.bits(selects, numbers[:, :, None]).view(torch.int8).flatten(1)


def _padded(matrix: Tensor, least: int = 0) -> Tensor:
    """Zero rows and columns up to multiples of 8, and at least so many rows (a multiple too)."""
    height, width = matrix.shape
    missing = max(least - height, -height % INT8_MULTIPLE), -width % INT8_MULTIPLE
    return F.pad(matrix, (0, missing[1], 0, missing[0])) if any(missing) else matrix


def _exact_dtype(bound: int) -> torch.dtype:
    if bound >= 1 << 53:
        raise BitrainError(
            f"sums up to {bound:.3g} product bits, which no accumulator holds: a layer's biases "
            "are too large for its weights; train the model further"
        )
    return torch.float32 if bound < FLOAT32_EXACT else torch.float64
