"""Chunks whose activations are all zero: the cycles of an engine that does not run their streams.

Such a chunk gives no product bit at any of the tile's Q positions. With the option ``skip_zeros``
it leaves the operand registers in the cycle in which it is complete there, and the streams of the
chunk before run on meanwhile; only the last chunk of a tile, if it is zero, is at work for a cycle,
which ends the tile. Its N inputs are loaded all the same. So a tile takes about
max(chunks · N / W, others · L, P Q / W) cycles, and nothing is saved unless L > N / W.

Weights' signs are counted while a chunk is loaded, as what the sign trick counts too much depends
on which chunks are at work: biases are bare (see ``Program.sums``).
"""

from collections import deque
from collections.abc import Sequence

import numpy as np

from bitrain.program import Array, Program, Tiling

from .cycles import LAYER_OVERHEAD, layer_overhead

LOADER_DEPTH = 3
"""Cycles from the first look at a tile's positions to its first element."""
_REMEMBERED = 6
"""Chunks whose first elements may be on the way through so deep a loader, and those before."""


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

    zero: which chunks of each tile are zero, (images, tiles, chunks), bool. A recurrence over
    chunks: when a chunk's first element is accepted, when its last is there, when it leaves the
    registers that the loader fills (``freed``), and when its streams are over (``computed``).

    The loader moves as a whole or stands still: it has a slot for an element in every cycle in
    which it moves. Between tiles slots may be empty, as finding Q positions takes Q cycles.
    """
    images, lanes, leaving = len(zero), array.loading_cycles, array.leaving_cycles
    depth = LOADER_DEPTH
    slot = np.zeros(images, np.int64)
    """Cycle in which the first element of the tile enters the loader."""
    known = deque([(slot, slot + array.positions - depth)], maxlen=_REMEMBERED)
    """Slots and when the loader moved them on, from each of them on a slot per cycle."""
    held = None
    """When the last element was accepted, if the slot of the next one is not known."""

    def moved(to: np.ndarray) -> np.ndarray:
        """When the loader moved this slot on."""
        return np.max([np.where(at <= to, when + to - at, -depth) for at, when in known], axis=0)

    freed = computed = np.zeros_like(slot)
    ended = np.full_like(slot, -leaving)
    for tile in range(tiling.tiles):
        begun = moved(slot)
        for chunk in range(tiling.chunks):
            # Its first element may wait behind the loader, which goes on through empty slots and
            # stands still with the next element.
            shown = slot + depth + 1 + chunk * lanes
            if held is not None:
                known.append((shown, np.maximum(moved(shown), held + 2)))
            accepted = np.maximum(moved(shown) - 1, freed)
            if lanes > 1:
                known.append((shown + 1, accepted + 2))
            else:
                held = accepted
            full, skipped = accepted + lanes, zero[:, tile, chunk]
            taken = np.maximum(full, computed)
            if chunk < tiling.chunks - 1:
                freed = np.where(skipped, full, taken)
                computed = np.where(skipped, computed, taken + length)
            else:
                freed = taken
                # Results of the tile before leave W per cycle.
                steps = np.where(skipped, 1, length)
                computed = ended = np.maximum(taken + steps, ended + leaving)
        # The next tile enters behind this one, Q cycles after it at the earliest.
        found = [np.maximum(at, at + begun + array.positions - when) for at, when in known]
        slot = np.maximum(slot + tiling.chunks * lanes, np.min(found, axis=0))
    return ended + leaving + overhead
