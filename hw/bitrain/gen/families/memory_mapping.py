"""What synthesis makes of a memory: block RAM, distributed RAM or logic.

Yosys' ``memory_libmap`` weighs all ways by their cost, and so does this. A memory of D words of B
bits, in cells that are w bits wide then and have A words, takes ⌈D / A⌉ B w⁻¹ cells for each read
port, rounded up; B is a multiple of what a write enable covers, where it is written. Columns of a
ROM that are the same in all words are no memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

_MULTIPLEXER, _PORT = 0.5, 2
"""Costs: of each bit of a multiplexer behind cells, and of each read port of its own."""


@dataclass(frozen=True, kw_only=True)
class MemoryCell:
    """A memory of a device that synthesis puts memories into."""

    use: Literal["bram", "ram_lut"]
    shapes: tuple[tuple[int, int], ...]
    """Words and bits per word, in all widths that it can be used with."""
    enabled: int
    """Bits that a write enable covers at most."""
    cost: int
    reads: int = 1
    """Read ports of a ROM."""
    holds_roms: bool = True


@dataclass(frozen=True, kw_only=True)
class MappedMemory:
    """How a memory is built."""

    use: Literal["bram", "ram_lut", "logic"]
    cells: int
    """0 in logic."""
    cost: float
    multiplexed: int
    """Bits of two-to-one multiplexers behind the cells."""


def map_memory(
    cells: Sequence[MemoryCell], depth: int, width: int, *, reads: int = 1, written: bool = True
) -> MappedMemory:
    """How a memory of ``depth`` words and ``width`` bits with so many read ports is built."""
    logic_cost = depth * width // (1 if written else 16)
    logic = MappedMemory(use="logic", cells=0, cost=logic_cost, multiplexed=0)
    ways = [
        way
        for cell in cells
        if written or cell.holds_roms
        for way in [min(_ways(cell, depth, width, reads, written), key=lambda way: int(way.cost))]
    ]
    return min([logic, *ways], key=lambda way: int(way.cost))


def _ways(
    cell: MemoryCell, depth: int, width: int, reads: int, written: bool
) -> Iterator[MappedMemory]:
    copies = -(-reads // (1 if written else cell.reads))
    for words, bits in sorted(cell.shapes, reverse=True):
        enabled = min(cell.enabled, bits) if written else 1
        rows = -(-depth // words)
        count = -(-rows * -(-width // enabled) * enabled // bits) * copies
        multiplexed = (rows - 1) * width * reads
        cost = (
            cell.cost * count
            + _PORT * reads
            + _MULTIPLEXER * (multiplexed + rows * written * (rows > 1))
        )
        yield MappedMemory(use=cell.use, cells=count, cost=cost, multiplexed=multiplexed)


def varying_columns(words: Sequence[int], width: int) -> int:
    """Bits of a ROM's words that are not the same in all of them."""
    ones = zeros = 0
    mask = (1 << width) - 1
    for word in words:
        ones |= word
        zeros |= ~word & mask
    return (ones & zeros).bit_count()
