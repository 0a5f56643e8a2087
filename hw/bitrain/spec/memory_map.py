"""The memory map: where the activations of each layer lie in one RAM, by how long they are needed.

Outputs are placed in turn at the upper and at the lower end of what is free. For a chain of layers
that is a ping-pong between the two ends, and the RAM as small as can be; what a later layer still
adds stays where it is, and the RAM grows where its rest is in pieces that are too small.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, kw_only=True)
class Buffer:
    """Activations that are stored together."""

    size: int
    """Words."""
    first: int
    """Layer that stores them; -1 for the image."""
    last: int
    """Last layer that reads them."""

    def meets(self, other: "Buffer") -> bool:
        """Whether both are needed at the same time."""
        return self.first <= other.last and other.first <= self.last


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
