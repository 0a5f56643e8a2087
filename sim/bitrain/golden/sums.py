"""Product sums of a layer in each arithmetic, by its name."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from bitrain.spec import Layer, Network, saturated

from .convolution import PackedWeights, Streams, convolve, pack_weights
from .windows import padded, windows_of

Sums = Callable[[Network, Layer, np.ndarray], tuple[np.ndarray, int]]
"""Of a layer's inputs (batch, channels, height, width): the sums (batch, channels, rows, columns)
without bias and shortcut, and how many bits finer they are than product bits."""


def streams_of(network: Network, layer: Layer) -> Streams:
    """What the SNGs give while the layer runs."""
    banks = network.activation_bank, network.weight_bank
    return Streams(*banks, layer.stream_length, network.or_lanes)


def _product_bits(
    network: Network, layer: Layer, activations: np.ndarray
) -> tuple[np.ndarray, int]:
    streams = streams_of(network, layer)
    packed = _packed(streams, layer)
    maps = padded(layer, activations)
    return convolve(streams, maps, packed, layer.stride, dilation=layer.dilation), 0


@lru_cache(maxsize=32)
def _packed(streams: Streams, layer: Layer) -> PackedWeights:
    """Kept from batch to batch."""
    return pack_weights(streams, layer.weight, layer.groups, layer.input_slots)


def _exact_products(
    network: Network, layer: Layer, activations: np.ndarray
) -> tuple[np.ndarray, int]:
    """Exact sums in units of 2^-2n."""
    fraction = 2 * network.bits - (layer.stream_length.bit_length() - 1)
    windows = windows_of(layer, padded(layer, activations))
    # Sums of integers are exact in floats that hold the largest, and BLAS is far faster.
    largest = layer.num_inputs << 2 * network.bits
    assert largest < 1 << 53
    kind = np.float32 if largest < 1 << 24 else np.float64
    sums = [
        np.tensordot(inputs.astype(kind), weight.astype(kind), axes=((1, 4, 5), (1, 2, 3)))
        for inputs, weight in zip(
            np.split(windows, layer.groups, 1), np.split(layer.weight, layer.groups), strict=True
        )
    ]
    return np.moveaxis(np.concatenate(sums, -1), -1, 1).astype(np.int64), fraction


def _saturated_products(
    network: Network, layer: Layer, activations: np.ndarray
) -> tuple[np.ndarray, int]:
    """Those of numbers of n bits, full scale as 2^n - 1."""
    numbers = saturated(activations, network.bits)
    weight = saturated(layer.weight.astype(np.int64), network.bits)
    value = saturated(layer.padding_value, network.bits)
    changes = {"weight": weight, "padding_value": value}
    return _exact_products(network, layer.model_copy(update=changes), numbers)


SUMS: dict[str, Sums] = {
    "stochastic": _product_bits,
    "binary": _exact_products,
    "bitserial": _saturated_products,
}
