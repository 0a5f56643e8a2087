"""Integers: exact products of the same numbers, the baseline of equal width.

In units of 2^-2n, with ``fraction = 2n - log2 L`` more bits than a product bit has,

    A   = 2^fraction · bias_o + half_o + Σ_k w_ok · a_k
              + 2^fraction · gain · 2^upscale_o · (shortcut's activation)
    out = clip(floor(A / 2^(shift + fraction + upscale_o)), 0, 2^n)

whatever L is. half_o rounds, where the bias was too coarse to hold half a unit of the activation:
it is there if shift + upscale_o < 1.
"""

import numpy as np

from bitrain.spec import BitrainError, Layer, Network
from bitrain.spec.layer import MAX_ACCUMULATOR_BITS

from .arithmetic import Accumulation, Arithmetic


class Binary(Arithmetic):
    """Integer multipliers, whose products take a cycle."""

    name = "binary"
    title = "Accelerator with integer multipliers"
    has_streams = False
    counts_bits = False
    chunk = "= 1, as a product takes a cycle"

    def cycles(self, network: Network, layer: Layer) -> int:
        """One, whatever L is."""
        return 1

    def accumulate(self, network: Network, layer: Layer, lanes: int) -> Accumulation:
        """A lane of negative weight sums (x |w|) XOR 1 … 1, which is one less than x w."""
        return exact_products(network, layer, self.name, network.one, excess=-1)

    def constant(self, network: Network, lanes: int, *, negatives_apart: bool) -> str:
        """Bias, in the array's units, and a one for each product that is one too low."""
        return "bias + (number of negative weights)"


def exact_products(
    network: Network, layer: Layer, arithmetic: str, largest: int, *, excess: int
) -> Accumulation:
    """Neurons that add up products of integers up to ``largest``, in units of 2^-2n.

    excess: what an array counts too much for each negative weight. Raises :class:`BitrainError` for
    sums that no accumulator holds.
    """
    fraction = 2 * network.bits - (layer.stream_length.bit_length() - 1)
    shift = layer.shift + fraction
    shifts = shift + layer.upscale.astype(np.int64)
    rounded = layer.relu & (shifts >= 1) & (shifts - fraction < 1)
    halves = np.where(rounded, 1 << np.maximum(shifts - 1, 0), 0)
    biases = (layer.bias.astype(np.int64) << fraction) + halves
    gain = layer.shortcut.gain << fraction if layer.shortcut else 0
    matrix = layer.weight_matrix.astype(np.int64).clip(-largest, largest)
    low = biases + largest * matrix.clip(max=0).sum(1)
    high = biases + largest * matrix.clip(min=0).sum(1)
    low, high = min(0, int(low.min())), max(0, int(high.max()))
    high += gain * network.one << int(layer.upscale.max())
    if max(-low, high) >> (MAX_ACCUMULATOR_BITS - 1):
        raise BitrainError(
            f"layer {layer.name!r} accumulates {low} … {high} in {arithmetic} arithmetic, over "
            f"{MAX_ACCUMULATOR_BITS} bits; choose fewer bits n, or the stochastic one"
        )
    return Accumulation(
        constants=biases - excess * (matrix < 0).sum(1),
        biases=biases,
        upscale=layer.upscale,
        shift=shift,
        gain=gain,
        low=low,
        high=high,
        largest_count=None,
    )
