"""Product sums of a layer in each arithmetic, by its name."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from bitrain.spec import Layer, Network

from .convolution import PackedWeights, Streams, convolve, pack_weights

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
    return convolve(streams, activations, packed, layer.stride, layer.padding), 0


@lru_cache(maxsize=32)
def _packed(streams: Streams, layer: Layer) -> PackedWeights:
    """Kept from batch to batch."""
    return pack_weights(streams, layer.weight, layer.groups)


def _exact_products(
    network: Network, layer: Layer, activations: np.ndarray
) -> tuple[np.ndarray, int]:
    """Exact sums in units of 2^-2n."""
    fraction = 2 * network.bits - (layer.stream_length.bit_length() - 1)
    (sh, sw), (ph, pw), (height, width) = layer.stride, layer.padding, layer.conv_shape[1:]
    padded = np.pad(activations, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, layer.kernel, axis=(2, 3))
    windows = windows[:, :, ::sh, ::sw][:, :, :height, :width]
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


SUMS: dict[str, Sums] = {"stochastic": _product_bits, "binary": _exact_products}
