"""Weights from outside: the exact cycles of an engine that may have to wait for them.

The weight buffer has two halves, of a tile of channels each. For a stream that offers a beat in the
slots of a rate r <= 1 beat a cycle, which are the cycles t with floor((t + 1) r) > floor(t r), and
goes on offering it until it is taken,

    tile k is filled from  max(taken(k - 1), ended(k - 2)) + 1  on
    tile k can be begun    one cycle after its last beat is taken
    tile k is begun        when the loader comes to it, or waits for it

where ``taken`` is when a tile's last beat is taken and ``ended`` when its last word has been read
for its last tile of positions. From a wait on, everything behind the loader runs dry as its
handshakes have it, chunk by chunk (``handshakes``). Simulation must find exactly these
numbers.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bitrain.program import Program

from .cycles import IMAGE_OVERHEAD, judge_cycles, layer_cycles, layer_overhead
from .handshakes import LOADER_DEPTH, LayerRun

_BEFORE = -(1 << 40)
"""A cycle before all others."""
_BEGIN_DELAY = 2
"""Cycles from a layer's first to the walker's, beside the depth of the loader."""


class WeightFeed:
    """The weight stream of an engine, from a moment on at which both halves of its buffer are full.

    Parameters
    ----------
    program
        Of the engine; those of its prefixes have the same weights.
    rate
        Beats a cycle that the stream offers at most.
    """

    def __init__(self, program: Program, rate: Fraction | int = 1):
        parts = program.weight_parts
        self.rate = Fraction(rate)
        self._beats = [
            words * parts
            for tiling, words in zip(program.tilings, program.weight_tiles, strict=True)
            for _ in range(tiling.channel_tiles)
        ]
        self._filled = 2
        """Tiles that are in the buffer, or were."""
        self._taken = _BEFORE
        """Cycle in which the last beat of these was taken."""
        self._ready = deque([_BEFORE, _BEFORE])
        """When the tiles that are not begun can be."""

    def begin(self) -> int:
        """First cycle in which the next tile can be begun."""
        return self._ready.popleft()

    def end(self, cycle: int) -> None:
        """The last word of the oldest tile is read in this cycle: the next one comes in."""
        beats = self._beats[self._filled % len(self._beats)]
        first = max(self._slot(self._taken + 1), cycle + 1)
        self._filled += 1
        self._taken = first
        if beats > 1:
            passed = (first + 1) * self.rate.numerator // self.rate.denominator
            self._taken = self._slot_of(passed + beats - 1)
        self._ready.append(self._taken + 1)

    def _slot(self, cycle: int) -> int:
        """The first slot from this cycle on."""
        if self.rate == 1 or cycle <= 0:  # before the first frame it offers as much as is taken
            return cycle
        return self._slot_of(cycle * self.rate.numerator // self.rate.denominator + 1)

    def _slot_of(self, number: int) -> int:
        """The cycle of a slot, counted from 1 at cycle 0."""
        return -(-number * self.rate.denominator // self.rate.numerator) - 1


def layers_fed(
    program: Program, feed: WeightFeed, start: int, zero: Sequence[np.ndarray] | None = None
) -> list[int]:
    """Cycles of each layer of a run that starts in cycle ``start``.

    zero: where zeros are skipped, the zero chunks of its image, (groups, position tiles, chunks) of
    each layer, as ``golden.zero_chunks`` finds them.
    """
    network, array = program.network, program.array
    overhead = layer_overhead(network, array, run_time_length=program.run_time_length)
    begin, cycles = start + 1, []
    for i, (layer, tiling) in enumerate(zip(network.layers, program.tilings, strict=True)):
        run = LayerRun(array, program.chunk_cycles[i])
        origin = begin + _BEGIN_DELAY + LOADER_DEPTH
        found = np.zeros((tiling.tiles, tiling.chunks), bool)
        if zero is not None:
            found = np.repeat(zero[i], tiling.channel_tiles // layer.groups, axis=0)
            found = found.reshape(tiling.tiles, tiling.chunks)
        for tile, chunks in enumerate(found.tolist()):
            begins = tile % tiling.position_tiles == 0
            run.tile(chunks, not_before=feed.begin() - origin if begins else None)
            if tile % tiling.position_tiles == tiling.position_tiles - 1:
                feed.end(origin + run.moved(run.slot + 1))
        cycles.append(run.cycles + overhead)
        begin += cycles[-1]
    return cycles


def latency_fed(
    programs: Sequence[Program],
    feed: WeightFeed,
    taken: int,
    zero: Sequence[Sequence[np.ndarray] | None] | None = None,
) -> int:
    """Cycles of an image whose last pixel is taken in cycle ``taken``, to its first score.

    programs: those of its runs, in turn; zero: of each run, as :func:`layers_fed` has them.
    """
    cycles = 0
    for i, program in enumerate(programs):
        own = zero[i] if zero else None
        layers = layers_fed(program, feed, taken + cycles + 1, own)
        cycles += sum(layers) + judge_cycles(program.network, program.array) + IMAGE_OVERHEAD
    return cycles


@dataclass(frozen=True, kw_only=True)
class LayerBandwidth:
    """What a layer needs of the weight stream so that nothing waits."""

    name: str
    bits: int
    """Of its beats."""
    cycles: int
    """Of the layer."""
    peak: float
    """Bits a cycle of the tile that needs most: all of its beats while the tile before runs."""

    @property
    def average(self) -> float:
        """Bits a cycle."""
        return self.bits / self.cycles


def bandwidths(program: Program) -> list[LayerBandwidth]:
    """What each layer needs, at the program's stream lengths."""
    array, bits = program.array, program.weight_parts * program.weight_beat
    overhead = layer_overhead(program.network, array, run_time_length=program.run_time_length)
    tiles = list(zip(program.tilings, program.weight_tiles, program.chunk_cycles, strict=True))
    lasting = [
        tiling.position_tiles
        * max(tiling.chunks * max(chunk, array.loading_cycles), array.leaving_cycles)
        for tiling, _, chunk in tiles
    ]
    found = []
    for i, (layer, (tiling, words, chunk)) in enumerate(
        zip(program.network.layers, tiles, strict=True)
    ):
        before = [lasting[i - 1]]  # of the run before, in the first layer
        before += [lasting[i]] * (tiling.channel_tiles > 1)
        found.append(
            LayerBandwidth(
                name=layer.name,
                bits=tiling.channel_tiles * words * bits,
                cycles=layer_cycles(tiling, array, chunk, overhead),
                peak=words * bits / min(before),
            )
        )
    return found
