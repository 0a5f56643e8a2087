"""Exact product sums, as the hardware forms them: one matrix product over 0/1 expansions.

Neuron o sums sign(w_ok) · |{t < L : r_t(k) < a_k and r'_t(k) < |w_ok|}| over its inputs k. Written
out over the L cycles that is a dot product of K L bits with K L signed bits, so a layer is one
GEMM. Sums of integers are exact in float32 below 2^24 in whatever order they are formed; larger
layers use float64.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bitrain.spec import SngBank

FLOAT32_EXACT = 1 << 24
BITS_AT_ONCE = 1 << 21
"""Expanded activation bits held at once: 8 MiB as float32, about what caches hold."""


class StochasticSums(nn.Module):
    """Product sums of streams, in product bits (1/L of a unit)."""

    activation_streams: Tensor
    weight_streams: Tensor

    fineness = 1
    """Steps of a sum per product bit."""

    def __init__(self, activation_bank: SngBank, weight_bank: SngBank, length: int):
        super().__init__()
        self.length = length
        for name, bank in ("activation", activation_bank), ("weight", weight_bank):
            self.register_buffer(f"{name}_streams", _stream_table(bank, length), persistent=False)

    def forward(self, windows: Tensor, weights: Tensor, largest_bias: int) -> Tensor:
        """Integers (rows, K) and signed magnitudes (out, K) to sums (rows, out)."""
        dtype = _exact_dtype(windows.shape[1] * self.length + largest_bias)
        signs = weights.sign().repeat_interleave(self.length, 1)
        expanded = (_expand(weights.abs(), self.weight_streams) * signs).to(dtype).T
        rows_at_once = max(1, BITS_AT_ONCE // len(expanded))
        sums = [
            _expand(rows, self.activation_streams).to(dtype) @ expanded
            for rows in windows.split(rows_at_once)
        ]
        return torch.cat(sums)


class BinarySums(nn.Module):
    """Exact products of the same integers in the same unit: the same-width integer baseline."""

    def __init__(self, bits: int, length: int):
        super().__init__()
        self.bits = bits
        self.length = length
        self.fineness = 4**bits // length

    def forward(self, windows: Tensor, weights: Tensor, largest_bias: int) -> Tensor:
        """Integers (rows, K) and signed magnitudes (out, K) to sums (rows, out)."""
        dtype = _exact_dtype(windows.shape[1] * 4**self.bits + largest_bias * self.fineness)
        return (windows.to(dtype) @ weights.to(dtype).T) / self.fineness


def _stream_table(bank: SngBank, length: int) -> Tensor:
    """Stream of every number at every lane: (lanes, 2^n + 1, L) of 0.0 and 1.0."""
    values = torch.from_numpy(bank.values(length).astype("int32"))
    numbers = torch.arange((1 << bank.sequence.width) + 1)
    return (values[:, None, :] < numbers[None, :, None]).float()


def _expand(numbers: Tensor, table: Tensor) -> Tensor:
    """Bits of (rows, K) integers, input k at lane k mod N: (rows, K L)."""
    lanes, count, length = table.shape
    first = torch.arange(numbers.shape[1], device=numbers.device) % lanes * count
    return F.embedding(numbers.long() + first, table.view(-1, length)).flatten(1)


def _exact_dtype(bound: int) -> torch.dtype:
    assert bound < 1 << 53, "sums beyond float64 do not fit an accumulator either"
    return torch.float32 if bound < FLOAT32_EXACT else torch.float64
