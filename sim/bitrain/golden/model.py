"""The fast bit-exact model of a network, and its integer baseline."""

from typing import Literal

import numpy as np

from bitrain.spec import Layer, Network

from .kernel import accumulate, pack_rows, pack_streams

Arithmetic = Literal["stochastic", "binary"]
"""``binary`` keeps the numbers but multiplies them exactly: the same-width integer baseline."""


def run(
    network: Network, images: np.ndarray, arithmetic: Arithmetic = "stochastic"
) -> list[np.ndarray]:
    """Every layer's stored activations, and the scores, for a batch of images.

    images: integers in [0, 2^n], (batch, channels, height, width). Returns one int64 array
    (batch, channels, height, width) per layer; the last holds the signed scores. Binary scores are
    2^(2n) / L times as fine.
    """
    if images.shape[1:] != network.in_shape:
        raise ValueError(f"images {images.shape[1:]} do not fit {tuple(network.in_shape)}")
    integers = np.issubdtype(images.dtype, np.integer)
    if not integers or images.min(initial=0) < 0 or images.max(initial=0) > network.one:
        raise ValueError(f"images must hold integers in 0 … {network.one}")
    outputs, activations = [], images.astype(np.int32)
    for layer in network.layers:
        activations = activations.reshape(-1, *layer.in_shape)
        if arithmetic == "stochastic":
            sums, shift = _stochastic_sums(network, layer, activations), layer.shift
        else:
            sums, fraction = _binary_sums(network, layer, activations)
            shift = layer.shift + fraction
            if layer.relu and layer.shift < 1 <= shift:
                sums += 1 << shift - 1  # half a unit, which the bias was too coarse to hold
        if layer.relu:
            sums = sums >> shift if shift >= 0 else sums << -shift
            sums = _max_pool(layer, np.clip(sums, 0, network.one))
        outputs.append(sums)
        activations = sums.astype(np.int32) if layer.relu else sums
    return outputs


def predict(
    network: Network,
    images: np.ndarray,
    arithmetic: Arithmetic = "stochastic",
    batch_size: int = 256,
) -> np.ndarray:
    """Scores (images, classes), computed in batches so that memory stays bounded."""
    batches = range(0, max(1, len(images)), batch_size)
    scores = [run(network, images[i : i + batch_size], arithmetic)[-1] for i in batches]
    return np.concatenate(scores).reshape(len(images), network.num_scores)


def _stochastic_sums(network: Network, layer: Layer, activations: np.ndarray) -> np.ndarray:
    length, one = layer.stream_length, network.one
    matrix = layer.weight_matrix
    weight_table = pack_streams(network.weight_bank.values(length), one)
    geometry = (layer.kernel, layer.stride, layer.conv_shape[1:])
    activation_table = pack_streams(network.activation_bank.values(length), one)
    positive = pack_rows(np.maximum(matrix, 0), weight_table, length)
    negative = pack_rows(np.maximum(-matrix, 0), weight_table, length)
    weights = (positive, negative, layer.bias)
    sums = accumulate(_pad(layer, activations), geometry, activation_table, length, weights)
    return sums.astype(np.int64)


def _binary_sums(network: Network, layer: Layer, activations: np.ndarray) -> tuple[np.ndarray, int]:
    """Exact sums in units of 2^-2n, and how many bits finer they are than the stochastic ones."""
    fraction = 2 * network.bits - (layer.stream_length.bit_length() - 1)
    (sh, sw), (height, width) = layer.stride, layer.conv_shape[1:]
    windows = np.lib.stride_tricks.sliding_window_view(
        _pad(layer, activations), layer.kernel, axis=(2, 3)
    )[:, :, ::sh, ::sw][:, :, :height, :width]
    # float64 is exact here: |sums| < 2^(31 + 2n) < 2^53 for n <= 10, and BLAS is far faster.
    sums = np.tensordot(windows.astype(np.float64), layer.weight, axes=((1, 4, 5), (1, 2, 3)))
    sums = np.moveaxis(sums, -1, 1).astype(np.int64)
    return sums + (layer.bias.astype(np.int64) << fraction)[:, None, None], fraction


def _pad(layer: Layer, activations: np.ndarray) -> np.ndarray:
    (ph, pw) = layer.padding
    return np.pad(activations, ((0, 0), (0, 0), (ph, ph), (pw, pw)))


def _max_pool(layer: Layer, activations: np.ndarray) -> np.ndarray:
    (sh, sw), (_, height, width) = layer.pool_window.stride, layer.out_shape
    windows = np.lib.stride_tricks.sliding_window_view(
        activations, layer.pool_window.kernel, axis=(2, 3)
    )[:, :, ::sh, ::sw]
    return windows[:, :, :height, :width].max(axis=(-2, -1))
