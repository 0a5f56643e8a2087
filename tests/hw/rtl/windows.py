"""Neuron positions of a layer in the order of the contract, straight from its words."""

from itertools import product

from bitrain.program import Program
from bitrain.spec import Layer


def neuron_positions(layer: Layer) -> list[tuple[int, int]]:
    """Row and column of each neuron in the map before pooling."""
    pool, (_, rows, columns) = layer.pool_window, layer.conv_shape
    _, height, width = layer.out_shape
    found = []
    for y, x, i, j in product(*map(range, (height, width, *pool.kernel))):
        row = y * pool.stride[0] - pool.padding[0] + i
        column = x * pool.stride[1] - pool.padding[1] + j
        # Beyond the map stands the nearest neuron.
        found.append((min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)))
    return found


def neuron_origins(layer: Layer) -> list[tuple[int, int]]:
    """Input row and column of the first window element of each neuron."""
    (sh, sw), (ph, pw) = layer.stride, layer.padding
    return [(y * sh - ph, x * sw - pw) for y, x in neuron_positions(layer)]


def tiles_of_positions(program: Program, index: int) -> list[list[tuple[int, int]]]:
    """Origins of each tile of Q, the last one possibly shorter."""
    origins, q = neuron_origins(program.network.layers[index]), program.array.positions
    return [origins[i : i + q] for i in range(0, len(origins), q)]


def set_descriptor(ctx, dut, program: Program, index: int) -> None:
    """Drive the ``descriptor`` port."""
    ctx.set(dut.descriptor.as_value(), program.descriptor_words[index])
