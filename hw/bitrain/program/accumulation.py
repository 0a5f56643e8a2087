"""What neurons accumulate on an array: sums of product bits, or of exact products.

Layers give biases, shifts and gains in product bits, 1 / L each. A stochastic array sums these; a
binary one multiplies the same numbers exactly, in units of 2^-2n, so that with
``fraction = 2n - log2 L`` more bits

    A   = 2^fraction · bias_o + half_o + Σ_k w_ok · a_k
              + 2^fraction · gain · 2^upscale_o · (shortcut's activation)
    out = clip(floor(A / 2^(shift + fraction + upscale_o)), 0, 2^n)

whatever L is: chunks take one cycle, all layers are in counter mode, and there are no OR groups.
half_o rounds, where the bias was too coarse to hold half a unit of the activation: it is there if
shift + upscale_o < 1.
"""

from dataclasses import dataclass, replace

import numpy as np

from bitrain.spec import BitrainError, Layer, Network
from bitrain.spec.layer import MAX_ACCUMULATOR_BITS, MAX_UPSCALE
from bitrain.spec.or_groups import always_counted, num_groups
from bitrain.spec.stream import left_shift

from .array import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Accumulation:
    """A layer's neurons on an array."""

    cycles: int
    """That a chunk of inputs is at work."""
    constants: np.ndarray
    """What accumulators hold beside the array's counts and the shortcut: (out,), int64."""
    upscale: np.ndarray
    """Further right shift of each channel: (out,)."""
    shift: int
    """Right shift from what leaves the array to activations."""
    gain: int
    """What one step of the shortcut's activations adds; 0 without one."""
    low: int
    """Least value of an accumulator."""
    high: int
    largest_count: int | None
    """Largest count of a neuron, unsigned; None where it is signed and as wide as the sum."""

    @classmethod
    def of(cls, network: Network, layer: Layer, array: Array) -> "Accumulation":
        """Neurons of a layer of ``network``; :class:`BitrainError` if they need too many bits."""
        if array.arithmetic == "binary":
            return _exact(network, layer)
        if network.or_lanes > 1:
            return _ored_bits(network, layer, array)
        return _fires(network, layer) if layer.neuron == "stream" else _product_bits(network, layer)

    def with_room(self, network: Network, layer: Layer) -> "Accumulation":
        """The range of any weights, with biases as large, and the largest upscale.

        The shortcut is that of now.
        """
        limit = 1 << MAX_ACCUMULATOR_BITS - 1
        room = 2 * (self.largest_count or layer.num_inputs * network.one**2)
        added = self.gain * network.one << int(self.upscale.max())
        return replace(
            self,
            low=min(self.low, max(-room, -limit)),
            high=max(self.high, min(room + added, limit - 1)),
            upscale=np.full_like(self.upscale, MAX_UPSCALE),
        )


def _product_bits(network: Network, layer: Layer) -> Accumulation:
    """What the lanes of negative weights count too much.

    Such a lane counts (x AND w) XOR 1, one too many per cycle: with s the sign,
    +-(x w) = ((x w) XOR s) - s, and the sum of all s is known here.
    """
    low, high = network.accumulator_range(layer)
    negatives = (layer.weight_matrix < 0).sum(1)
    return Accumulation(
        cycles=layer.stream_length,
        constants=layer.bias - layer.stream_length * negatives,
        upscale=layer.upscale,
        shift=layer.shift,
        gain=layer.shortcut.gain if layer.shortcut else 0,
        low=low,
        high=high,
        largest_count=layer.stream_length * layer.num_inputs,
    )


def _ored_bits(network: Network, layer: Layer, array: Array) -> Accumulation:
    """What OR groups count too much.

    A group counts its positive bit and the inverse of its negative one, which is one too many
    per cycle, whatever its weights are.
    """
    extra = always_counted(layer, array.lanes, network.or_lanes)
    most = layer.stream_length * num_groups(layer.num_inputs, network.or_lanes)
    low, high = network.accumulator_range(layer)
    constants = layer.bias.astype(np.int64) - extra
    return replace(
        _product_bits(network, layer),
        constants=constants,
        low=min(low, int(constants.min())),  # a word of the bias ROM
        high=high,
        largest_count=extra + most,
    )


def _fires(network: Network, layer: Layer) -> Accumulation:
    """What leaves is a number of fires, which is the activation."""
    none = np.zeros(layer.out_channels, np.int64)
    return Accumulation(
        cycles=layer.stream_length,
        constants=none,
        upscale=none,
        shift=-left_shift(layer, network.bits),
        gain=0,
        low=0,
        high=layer.stream_length,
        largest_count=layer.stream_length,
    )


def _exact(network: Network, layer: Layer) -> Accumulation:
    """A lane of negative weight sums (x |w|) XOR 1 … 1, which is one less than x w."""
    fraction = 2 * network.bits - (layer.stream_length.bit_length() - 1)
    shift = layer.shift + fraction
    shifts = shift + layer.upscale.astype(np.int64)
    rounded = layer.relu & (shifts >= 1) & (shifts - fraction < 1)
    halves = np.where(rounded, 1 << np.maximum(shifts - 1, 0), 0)
    constants = (layer.bias.astype(np.int64) << fraction) + halves
    gain = layer.shortcut.gain << fraction if layer.shortcut else 0
    matrix = layer.weight_matrix.astype(np.int64)
    low = constants + network.one * matrix.clip(max=0).sum(1)
    high = constants + network.one * matrix.clip(min=0).sum(1)
    low, high = min(0, int(low.min())), max(0, int(high.max()))
    high += gain * network.one << int(layer.upscale.max())
    if max(-low, high) >> (MAX_ACCUMULATOR_BITS - 1):
        raise BitrainError(
            f"layer {layer.name!r} accumulates {low} … {high} in binary arithmetic, over "
            f"{MAX_ACCUMULATOR_BITS} bits; choose fewer bits n, or the stochastic one"
        )
    return Accumulation(
        cycles=1,
        constants=constants + (matrix < 0).sum(1),
        upscale=layer.upscale,
        shift=shift,
        gain=gain,
        low=low,
        high=high,
        largest_count=None,
    )
