"""An SC-aware layer: forward pass as in hardware, backward pass of the real-valued layer.

Activations travel as the integers 0 … 2^n in float tensors. From the folded float weights W and
bias b, the clip c and the input scale s, the layer computes the contract of ``spec.Layer``:

    w   = round(clip(W / c, -1, 1) · 2^n)
    A   = Σ products(a, w) + round(L b / (c s))
    out = clip(floor((A + 2^(shift - 1)) / 2^shift), 0, 2^n)

An activation a stands for s a / 2^n in the float network, and out for s' out / 2^n with
s' = c s 2^(shift + n) / L: scales fold forward and the hardware is left with a shift.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bitrain.spec import Layer

from .float_layer import FloatLayer
from .straight_through import round_through, straight_through
from .sums import BinarySums, StochasticSums


class ScLayer(nn.Module):
    """One engine step with trainable weights; calibration sets clip, input scale and shift."""

    clip: Tensor
    in_scale: Tensor
    shift: Tensor

    def __init__(self, source: FloatLayer, bits: int, sums: StochasticSums | BinarySums):
        super().__init__()
        self.source = source
        self.bits = bits
        self.sums = sums
        self.weight = nn.Parameter(source.weight.clone())
        self.bias = nn.Parameter(source.bias.clone())
        self.register_buffer("clip", source.weight.abs().max().double())
        self.register_buffer("in_scale", torch.ones((), dtype=torch.float64))
        self.register_buffer("shift", torch.zeros((), dtype=torch.int64))

    @property
    def one(self) -> int:
        """2^n, the integer that stands for 1."""
        return 1 << self.bits

    @property
    def product_scale(self) -> float:
        """What one product bit stands for in the float network: c s / L."""
        return (self.clip * self.in_scale).item() / self.sums.length

    @property
    def out_scale(self) -> float:
        """What a full activation stands for in the float network: s'."""
        return self.product_scale * 2.0 ** (self.shift.item() + self.bits)

    @property
    def rounding(self) -> float:
        """What turns the floor of the requantisation into rounding, where sums are fine enough.

        Export adds what is whole of it to the bias; binary arithmetic has the rest too.
        """
        step = 2.0 ** self.shift.item()
        return step / 2 if self.source.relu and step * self.sums.fineness >= 2 else 0.0

    def integer_weight(self) -> Tensor:
        """Signed magnitudes (out, in, rows, columns); saturated ones have no gradient."""
        scaled = self.weight / self.clip.to(self.weight.dtype)
        return round_through(scaled.clamp(-1, 1) * self.one)

    def integer_bias(self) -> Tensor:
        """Initial accumulators (out,) in product bits, float64, without the rounding half."""
        return round_through(self.bias.double() / self.product_scale)

    def accumulate(self, activations: Tensor) -> Tensor:
        """Integers 0 … 2^n (batch, in, rows, columns) to accumulators A in product bits."""
        stride, padding = self.source.stride, self.source.padding
        weight, bias = self.integer_weight(), self.integer_bias()
        activations = activations.reshape(-1, *self.source.in_shape)
        real = F.conv2d(activations, weight, None, stride, padding)
        real = real * (self.sums.length / 4.0**self.bits)
        with torch.no_grad():
            windows = F.unfold(activations, weight.shape[2:], padding=padding, stride=stride)
            largest_bias = int(bias.abs().max().item() + self.rounding)
            sums = self.sums(windows.transpose(1, 2).flatten(0, 1), weight.flatten(1), largest_bias)
            exact = sums.unflatten(0, (len(windows), -1)).transpose(1, 2).reshape(real.shape)
        return straight_through(real, exact) + bias.to(exact.dtype)[:, None, None]

    def finish(self, accumulators: Tensor) -> Tensor:
        """Requantise and pool: integers 0 … 2^n; accumulators of the last layer are scores."""
        if not self.source.relu:
            return accumulators
        scaled = (accumulators + self.rounding) * 2.0 ** -self.shift.item()
        clipped = scaled.clamp(0, self.one)
        quantised = straight_through(clipped, clipped.detach().floor()).float()
        if (pool := self.source.pool) is None:
            return quantised
        return F.max_pool2d(quantised, pool.kernel, pool.stride)

    def forward(self, activations: Tensor) -> Tensor:
        """Integers 0 … 2^n (batch, in, rows, columns) to those of the next layer, or to scores."""
        return self.finish(self.accumulate(activations))

    def to_spec(self) -> Layer:
        """The layer as the network file holds it."""
        return self.source.to_spec(
            weight=self.integer_weight(),
            bias=self.integer_bias() + int(self.rounding),
            shift=int(self.shift.item()) if self.source.relu else 0,
            stream_length=self.sums.length,
        )
