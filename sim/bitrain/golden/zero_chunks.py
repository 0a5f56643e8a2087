"""Which chunks of a layer's inputs are all zero: what an engine may leave out."""

import numpy as np

from bitrain.program import Array
from bitrain.spec import Layer, Network

from .model import layer_inputs


def zero_chunks(
    network: Network, array: Array, images: np.ndarray, outputs: list[np.ndarray]
) -> list[np.ndarray]:
    """For each layer whether the N activations of a chunk are zero at all Q positions of a tile.

    images: integers (images, channels, height, width). outputs: :func:`run` of the images. Returns
    bool arrays (images, groups, position tiles, chunks). Padding is zero, and so is what completes
    a tile or a chunk.
    """
    inputs = layer_inputs(network, images, outputs)
    pairs = zip(network.layers, inputs, strict=True)
    return [_zero(layer, array, activations) for layer, activations in pairs]


def _zero(layer: Layer, array: Array, activations: np.ndarray) -> np.ndarray:
    (ph, pw), (sh, sw), groups = layer.padding, layer.stride, layer.groups
    busy = np.pad(activations != 0, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    windows = np.lib.stride_tricks.sliding_window_view(busy, layer.kernel, axis=(2, 3))
    rows, columns = _positions(layer)
    neurons = windows[:, :, rows * sh, columns * sw]  # (images, channels, positions, rows, columns)
    images, channels, positions = neurons.shape[:3]
    neurons = neurons.reshape(images, groups, channels // groups, positions, -1)
    neurons = neurons.swapaxes(2, 3).reshape(images, groups, positions, layer.num_inputs)
    missing = (-positions % array.positions, -layer.num_inputs % array.lanes)
    neurons = np.pad(neurons, ((0, 0), (0, 0), *((0, size) for size in missing)))
    tiles = neurons.reshape(
        images, groups, -1, array.positions, neurons.shape[-1] // array.lanes, array.lanes
    )
    return np.logical_not(tiles.any(axis=(3, 5)))


def _positions(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each neuron, the members of a pooling window after each other."""
    (kh, kw), (sh, sw) = layer.pool_window.kernel, layer.pool_window.stride
    row, column, i, j = np.indices((layer.out_shape.height, layer.out_shape.width, kh, kw))
    return (row * sh + i).ravel(), (column * sw + j).ravel()
