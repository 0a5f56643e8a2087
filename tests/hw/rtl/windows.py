"""Neuron positions of a layer in the order of the contract, straight from its words."""

from itertools import product

from bitrain.program import Program
from bitrain.spec import Layer


def neuron_positions(layer: Layer) -> list[tuple[int, int]]:
    """Row and column of each neuron in the map before pooling."""
    (window_h, window_w), (pool_h, pool_w) = layer.pool_window.kernel, layer.pool_window.stride
    _, height, width = layer.out_shape
    return [
        (y * pool_h + i, x * pool_w + j)
        for y, x, i, j in product(range(height), range(width), range(window_h), range(window_w))
    ]


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
