"""The memory map: where the activations of each layer lie in one RAM, by how long they are needed.

Outputs are placed in turn at the upper and at the lower end of what is free. For a chain of layers
that is a ping-pong between the two ends, and the RAM as small as can be; what a later layer still
adds stays where it is, and the RAM grows where its rest is in pieces that are too small. A sum
takes the place of the map that it adds, if that has its shape and nothing else needs it any more:
the engine reads each element of it once, before that of the sum is stored.

An engine of width W has a RAM of W banks, which read an address each. Element (c, y, x) of a map of
(channels, rows, columns) from word ``base`` on is in

    bank (x + c) mod W,  word base + (floor(c / W) rows + y) columns + x

so that W channels of a pixel, and W columns of a row, lie in W different banks, whichever is first.
For W = 1 that is C order.

The RAM is made of two memories, of 2^k words and of the rest, where they take fewer block RAMs. A
block of 16 Kbit is 1, 2 or 4 bits wide, or 9, 18 or 36 with the parity bits: from 8,193 words on,
each bit of a word would take a block in the place of half a one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bitrain.spec import Network, Shape

BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits of a block RAM in most FPGAs."""
_LEAST_PART = 16
"""Memories below this part of a block's bits are built of LUTs."""


@dataclass(frozen=True, kw_only=True)
class Buffer:
    """Activations that are stored together."""

    size: int
    """Words of a bank."""
    first: int
    """Layer that stores them; -1 for the image."""
    last: int
    """Last layer that reads them."""
    sums: tuple[int, ...] = ()
    """Later layers that store here, each over the map that it adds."""

    def meets(self, other: "Buffer") -> bool:
        """Whether both are needed at the same time."""
        return self.first <= other.last and other.first <= self.last


def num_words(shape: Shape, width: int) -> int:
    """Words of each of W banks that a map takes."""
    return -(-shape.channels // width) * shape.height * shape.width


def beats(shape: Shape, width: int) -> int:
    """Beats of W pixels, of one row each, in which a map is streamed."""
    return shape.channels * shape.height * -(-shape.width // width)


def buffers_of(
    network: Network, width: int = 1, *, image_stays: bool = False
) -> tuple[Buffer, ...]:
    """The image and every layer's output but the scores: sizes and how long they are needed.

    Outputs that lie behind each other are one buffer, from the first of them on. ``width``: W.
    ``image_stays``: to the last layer, so that the network can run on it again.
    """
    stored, final = network.stored, len(network.layers) - 1
    size, last = {}, {}
    for i in range(-1, final):
        first = stored[i][0]
        size[first] = max(size.get(first, 0), num_words(network.stored_shape(i), width))
    for i, (layer, parts) in enumerate(zip(network.layers, network.reads, strict=True)):
        last[parts[0]] = i
        if layer.shortcut:
            last[stored[layer.shortcut.source][0]] = i
    if image_stays:
        last[-1] = final
    sums: dict[int, list[int]] = {first: [] for first in size}
    place_of = {first: first for first in size}
    for i in range(final):
        source = _added_alike(network, i)
        if source is not None and last[source] == i:
            place_of[i] = place_of[source]
            sums[place_of[i]].append(i)
    return tuple(
        Buffer(size=size[i], first=i, last=last[[i, *sums[i]][-1]], sums=tuple(sums[i]))
        for i in sorted(size)
        if place_of[i] == i
    )


def _added_alike(network: Network, index: int) -> int | None:
    """What a layer adds (-1: the image), if its output has the same words, element by element."""
    layer = network.layers[index]
    if layer.shortcut is None or layer.pool:
        return None
    source = layer.shortcut.source
    moved = layer.shortcut.stride != (1, 1) or layer.shortcut.before
    maps = [parts for parts in network.stored.values() if {source, index} & {*parts}]
    if moved or maps != [(source,), (index,)] or source in network.reads[index]:
        return None  # read where it does not store, lies beside others, or is an input as well
    return source if network.added_shape(source) == layer.out_shape else None


def place(buffers: Sequence[Buffer]) -> tuple[int, tuple[int, ...]]:
    """Words of RAM, and the first address of each buffer; the first buffer lies at 0.

    ``buffers`` follow each other by ``first``.
    """
    depth = max(
        sum(other.size for other in buffers if other.first <= buffer.first <= other.last)
        for buffer in buffers
    )
    while True:
        missing, bases = _place(buffers, depth)
        if not missing:
            return depth, bases
        depth += missing


def _place(buffers: Sequence[Buffer], depth: int) -> tuple[int, tuple[int, ...]]:
    """Addresses in a RAM of ``depth``, up to a buffer that misses so many words of room."""
    bases: list[int] = []
    for index, buffer in enumerate(buffers):
        taken = sorted(
            (base, base + other.size)
            for base, other in zip(bases, buffers, strict=False)
            if other.meets(buffer)
        )
        edges = [(0, 0), *taken, (depth, depth)]
        gaps = [(stop, start) for (_, stop), (start, _) in pairwise(edges)]
        fitting = [(start, stop) for start, stop in gaps if stop - start >= buffer.size]
        if not fitting:
            return buffer.size - max(stop - start for start, stop in gaps), ()
        bases.append(fitting[-1][1] - buffer.size if index % 2 else fitting[0][0])
    return 0, tuple(bases)


def num_blocks(depth: int, width: int, shapes: Sequence[tuple[int, int]] = BLOCK_SHAPES) -> int:
    """Block RAMs of one of ``shapes`` (words, bits) that a memory takes; none if it is small."""
    if depth * width * _LEAST_PART < shapes[0][0] * shapes[0][1]:
        return 0
    return min(-(-depth // words) * -(-width // bits) for words, bits in shapes)


def ram_parts(depth: int, width: int) -> tuple[int, ...]:
    """Words of the parts of a RAM, the first a power of two; one part where two save no block."""
    first = 1 << (depth.bit_length() - 1)
    blocks, rest = num_blocks(first, width), depth - first
    if not rest or not blocks:  # small memories are LUTs, which come dear in large numbers
        return (depth,)
    saves = blocks + num_blocks(rest, width) < num_blocks(depth, width)
    return (first, rest) if saves else (depth,)
