"""Chunks whose activations are all zero: the cycles of an engine that does not run their streams.

Such a chunk gives no product bit at any of the tile's Q positions. With the option ``skip_zeros``
it leaves the operand registers in the cycle in which it is complete there, and the streams of the
chunk before run on meanwhile; only the last chunk of a tile, if it is zero, is at work for a cycle,
which ends the tile. Its N inputs are loaded all the same. So a tile takes about
max(chunks · N / W, others · L, P Q / W) cycles, and nothing is saved unless L > N / W.

Weights' signs are counted while a chunk is loaded, as what the sign trick counts too much depends
on which chunks are at work: biases are bare (see ``Program.sums``).
"""

from collections.abc import Sequence

import numpy as np

from bitrain.program import Array, Program, Tiling

from .cycles import LAYER_OVERHEAD, layer_overhead
from .handshakes import LayerRun


def skipping_cycles(program: Program, zero: Sequence[np.ndarray]) -> np.ndarray:
    """Cycles of each layer (layers, images) in an accelerator with the option.

    zero: for each layer which chunks are all zero, (images, groups, position tiles, chunks), bool;
    ``golden.zero_chunks`` finds them. Their sum and ``IMAGE_OVERHEAD`` are an image's cycles; with
    no chunk zero, those of ``estimate``.
    """
    assert program.skip_zeros
    network, array = program.network, program.array
    overhead = layer_overhead(network, array, run_time_length=program.run_time_length)
    cycles = []
    for layer, tiling, found in zip(network.layers, program.tilings, zero, strict=True):
        # Every tile of a group's channels goes over the same inputs.
        tiles = np.repeat(found, tiling.channel_tiles // layer.groups, axis=1)
        tiles = tiles.reshape(len(found), tiling.tiles, tiling.chunks)
        cycles.append(layer_skipping_cycles(tiling, array, layer.stream_length, tiles, overhead))
    return np.stack(cycles)


def layer_skipping_cycles(
    tiling: Tiling, array: Array, length: int, zero: np.ndarray, overhead: int = LAYER_OVERHEAD
) -> np.ndarray:
    """Cycles of a layer (images,), with streams of ``length`` bits.

    zero: which chunks of each tile are zero, (images, tiles, chunks), bool.
    """
    cycles = []
    for tiles in zero.tolist():
        run = LayerRun(array, length)
        for chunks in tiles:
            run.tile(chunks)
        cycles.append(run.cycles + overhead)
    return np.array(cycles)
