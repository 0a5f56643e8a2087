"""Streams: neurons count product bits, 1 / L each."""

from dataclasses import replace

import numpy as np

from bitrain.spec import Layer, Network
from bitrain.spec.or_groups import always_counted, num_groups
from bitrain.spec.prefix import all_prefixes
from bitrain.spec.stream import left_shift

from .arithmetic import Accumulation, Arithmetic


class Stochastic(Arithmetic):
    """Streams of SNGs, multiplied by AND gates."""

    name = "stochastic"
    title = "Stochastic-computing accelerator"
    has_streams = True
    counts_bits = True
    chunk = "a layer's stream length"

    def cycles(self, network: Network, layer: Layer) -> int:
        """L."""
        return layer.stream_length

    def shorter(self, network: Network) -> dict[int, Network]:
        """All prefixes that the contract allows."""
        return all_prefixes(network)

    def accumulate(self, network: Network, layer: Layer, lanes: int) -> Accumulation:
        """Neurons that count product bits or bits of OR groups, or that fire."""
        if network.or_lanes > 1:
            return _ored_bits(network, layer, lanes)
        return _fires(network, layer) if layer.neuron == "stream" else _product_bits(network, layer)

    def constant(self, network: Network, lanes: int, *, negatives_apart: bool) -> str:
        """Bias less what is counted too much, unless the hardware counts that."""
        if negatives_apart:
            return "bias"
        if network.or_lanes > 1:
            return f"bias - L x (number of chunks) x {lanes // network.or_lanes}"
        return "bias - L x (number of negative weights)"


def _product_bits(network: Network, layer: Layer) -> Accumulation:
    """What the lanes of negative weights count too much.

    Such a lane counts (x AND w) XOR 1, one too many per cycle: with s the sign,
    +-(x w) = ((x w) XOR s) - s, and the sum of all s is known here.
    """
    low, high = network.accumulator_range(layer)
    negatives = (layer.weight_matrix < 0).sum(1)
    return Accumulation(
        constants=layer.bias - layer.stream_length * negatives,
        biases=layer.bias.astype(np.int64),
        upscale=layer.upscale,
        shift=layer.shift,
        gain=layer.shortcut.gain if layer.shortcut else 0,
        low=low,
        high=high,
        largest_count=layer.stream_length * layer.num_inputs,
    )


def _ored_bits(network: Network, layer: Layer, lanes: int) -> Accumulation:
    """What OR groups count too much.

    A group counts its positive bit and the inverse of its negative one, which is one too many
    per cycle, whatever its weights are.
    """
    extra = always_counted(layer, lanes, network.or_lanes)
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
        constants=none,
        biases=none,
        upscale=none,
        shift=-left_shift(layer, network.bits),
        gain=0,
        low=0,
        high=layer.stream_length,
        largest_count=layer.stream_length,
    )
