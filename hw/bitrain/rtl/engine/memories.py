"""The engine's memories: ROMs, RAMs with contents, and RAMs."""

from typing import Any

from amaranth.hdl import MemoryData, Shape, ShapeLike, unsigned
from amaranth.lib import memory

NO_CHECK: Any = {"no_rw_check": "1"}
"""Nobody reads a word in the cycle in which it is written, or uses what that shows.

Without this, tools build comparators and multiplexers for each port where block RAMs do not say
what they show then.
"""


def rom(shape: ShapeLike, words: list[int], *, loadable: bool = False) -> memory.Memory:
    """Memory of raw words, at least two deep (an address needs a bit); read only unless loadable.

    The attribute tells what writes the Verilog that words matter which are all zero.
    """
    width = Shape.cast(shape).width
    attributes: Any = {"initial_contents": "1", **NO_CHECK} if loadable else {}
    depth = max(2, len(words))
    made = memory.Memory(MemoryData(shape=unsigned(width), depth=depth, init=[]), attrs=attributes)
    contents: Any = made.data.init
    contents._raw[: len(words)] = words  # the public way takes microseconds for each
    return made


def ram(shape: ShapeLike, depth: int) -> memory.Memory:
    """Memory of ``depth`` elements, at least two."""
    return memory.Memory(shape=shape, depth=max(2, depth), init=[], attrs=NO_CHECK)
