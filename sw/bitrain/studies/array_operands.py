"""Operands of an array: chunks of a network's layers on real images, drawn at random."""

from dataclasses import dataclass

import numpy as np

from bitrain.gen.asic.gates import COPIES
from bitrain.golden.windows import padded, windows_of
from bitrain.program import Array, Program
from bitrain.spec import Layer


@dataclass(frozen=True, kw_only=True)
class Operands:
    """Chunks of a layer one after the other, in each copy of the circuit."""

    activations: np.ndarray
    """(copies, chunks, Q, N)."""
    weights: np.ndarray
    """(copies, chunks, P, N), signed."""
    last: np.ndarray
    """Whether a chunk ends its tile: (copies, chunks)."""


def draw(
    program: Program, index: int, inputs: np.ndarray, count: int, rng: np.random.Generator
) -> Operands:
    """``count`` pairs of chunks of a layer for each copy: one of any, behind the one before it.

    inputs: what the layer reads, (images, channels, height, width). The chunk before the first one
    of a layer is its last one. What completes tiles and chunks is zero, as in the engine but where
    windows reach beyond the last row.
    """
    layer, tiling, array = program.network.layers[index], program.tilings[index], program.array
    total = tiling.tiles * tiling.chunks
    images = rng.integers(len(inputs), size=(COPIES, count))
    ends = rng.integers(total, size=(COPIES, count))
    places = np.stack([(ends - 1) % total, ends], 2)
    channel_tile, place = np.divmod(places, tiling.position_tiles * tiling.chunks)
    position_tile, chunk = np.divmod(place, tiling.chunks)
    weights = weight_chunks(layer, array)[channel_tile, chunk]
    group = channel_tile // (tiling.channel_tiles // layer.groups)
    activations = np.empty((*places.shape, array.positions, array.lanes), np.int64)
    for image in np.unique(images):
        chosen = images == image
        tiles = activation_chunks(layer, array, inputs[image : image + 1])
        activations[chosen] = tiles[group[chosen], position_tile[chosen], chunk[chosen]]
    return Operands(
        activations=activations.reshape(COPIES, -1, *activations.shape[3:]),
        weights=weights.reshape(COPIES, -1, *weights.shape[3:]),
        last=(chunk == tiling.chunks - 1).reshape(COPIES, -1),
    )


def weight_chunks(layer: Layer, array: Array) -> np.ndarray:
    """Weights by channel tile and chunk: (tiles, chunks, P, N); a tile is of one group."""
    slots = _slots(layer, array)
    matrix = layer.weight_matrix.astype(np.int64).reshape(layer.groups, layer.group_channels, -1)
    missing = -layer.group_channels % array.channels
    matrix = np.pad(matrix, ((0, 0), (0, missing), (0, 1)))[:, :, slots]
    tiles = matrix.reshape(-1, array.channels, *slots.shape)
    return tiles.swapaxes(1, 2)


def activation_chunks(layer: Layer, array: Array, inputs: np.ndarray) -> np.ndarray:
    """Activations of one image (1, in, rows, columns): (groups, position tiles, chunks, Q, N)."""
    slots = _slots(layer, array)
    windows = windows_of(layer, padded(layer, inputs))[0]
    rows, columns = map(layer.pool_window.places, (0, 1), layer.conv_shape[1:])
    order = np.broadcast_arrays(rows[:, None, :, None], columns[None, :, None, :])
    neurons = windows[:, order[0].ravel(), order[1].ravel()]  # (channels, positions, kernel)
    positions = neurons.shape[1]
    neurons = neurons.reshape(layer.groups, -1, *neurons.shape[1:]).swapaxes(1, 2)
    neurons = neurons.reshape(layer.groups, positions, layer.num_inputs)
    missing = -positions % array.positions
    neurons = np.pad(neurons, ((0, 0), (0, missing), (0, 1)))[:, :, slots]
    tiles = neurons.reshape(layer.groups, -1, array.positions, *slots.shape)
    return tiles.swapaxes(2, 3)


def _slots(layer: Layer, array: Array) -> np.ndarray:
    """The input in each slot of whole chunks, -1 for none: (chunks, N)."""
    missing = -layer.num_slots % array.lanes
    return np.pad(layer.slots, (0, missing), constant_values=-1).reshape(-1, array.lanes)
