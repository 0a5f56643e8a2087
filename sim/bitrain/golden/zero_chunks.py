"""Which chunks of a layer's inputs are all zero: what an engine may leave out."""

import numpy as np

from bitrain.program import Array
from bitrain.spec import Layer, Network

from .model import layer_inputs
from .windows import padded, windows_of


def zero_chunks(
    network: Network, array: Array, images: np.ndarray, outputs: list[np.ndarray]
) -> list[np.ndarray]:
    """For each layer whether the N activations of a chunk are zero at all Q positions of a tile.

    images: integers (images, channels, height, width). outputs: :func:`run` of the images. Returns
    bool arrays (images, groups, position tiles, chunks). Padding counts as what it is, and what
    completes a tile or a chunk as zero.
    """
    inputs = layer_inputs(network, images, outputs)
    pairs = zip(network.layers, inputs, strict=True)
    return [_zero(layer, array, activations) for layer, activations in pairs]


def _zero(layer: Layer, array: Array, activations: np.ndarray) -> np.ndarray:
    groups, windows = layer.groups, windows_of(layer, padded(layer, activations) != 0)
    rows, columns = _positions(layer)
    neurons = windows[:, :, rows, columns]  # (images, channels, positions, rows, columns)
    images, channels, positions = neurons.shape[:3]
    neurons = neurons.reshape(images, groups, channels // groups, positions, -1)
    neurons = neurons.swapaxes(2, 3).reshape(images, groups, positions, layer.num_inputs)
    # Holes among the slots are zero.
    slots = layer.slots
    neurons = np.pad(neurons, ((0, 0), (0, 0), (0, 0), (0, 1)))[..., slots]
    missing = (-positions % array.positions, -len(slots) % array.lanes)
    neurons = np.pad(neurons, ((0, 0), (0, 0), *((0, size) for size in missing)))
    tiles = neurons.reshape(
        images, groups, -1, array.positions, neurons.shape[-1] // array.lanes, array.lanes
    )
    return np.logical_not(tiles.any(axis=(3, 5)))


def _positions(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each neuron, the members of a pooling window after each other."""
    rows, columns = map(layer.pool_window.places, (0, 1), layer.conv_shape[1:])
    order = np.broadcast_arrays(rows[:, None, :, None], columns[None, :, None, :])
    return order[0].ravel(), order[1].ravel()
