"""The engine's memories: ROMs, RAMs with contents, and RAMs."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Elaboratable, MemoryData, Module, Mux, Shape, ShapeLike, Signal, unsigned
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


def ram(shape: ShapeLike, *parts: int) -> "memory.Memory | PartedRam":
    """Memory of so many elements, at least two, or of two parts (``program.memory_map``)."""
    if len(parts) > 1:
        return PartedRam(shape, parts)
    return memory.Memory(shape=shape, depth=max(2, *parts), init=[], attrs=NO_CHECK)


class PartedRam(Elaboratable):
    """RAM of two memories, the first as deep as a power of two, in the place of one.

    The second has a copy for each reader, as tools would build it of flip-flops, which are not
    copied, rather than of many distributed RAMs. Ports are those of ``amaranth.lib.memory``.

    Parameters
    ----------
    shape
        Of a word.
    parts
        Words of each memory.
    """

    def __init__(self, shape: ShapeLike, parts: Sequence[int]):
        self._shape: Any = shape
        self._parts = parts
        self._address_bits = (sum(parts) - 1).bit_length()
        self._reads, self._writes = [], []

    def read_port(self) -> Any:
        """A further reader, with members ``addr``, ``en`` and ``data``."""
        signature = memory.ReadPort.Signature(addr_width=self._address_bits, shape=self._shape)
        self._reads.append(signature.create(path=(f"read{len(self._reads)}",)))
        return self._reads[-1]

    def write_port(self) -> Any:
        """A further writer, with members ``addr``, ``en`` and ``data``."""
        signature = memory.WritePort.Signature(addr_width=self._address_bits, shape=self._shape)
        self._writes.append(signature.create(path=(f"write{len(self._writes)}",)))
        return self._writes[-1]

    def elaborate(self, platform):
        m = Module()
        words, more_words = self._parts
        m.submodules.first = main = ram(self._shape, words)
        copies = [ram(self._shape, more_words) for _ in self._reads]
        for index, (port, copy) in enumerate(zip(self._reads, copies, strict=True)):
            m.submodules[f"rest{index}"] = copy
            first, rest = main.read_port(), copy.read_port()
            in_rest = Signal()
            m.d.comb += [
                *(each.addr.eq(port.addr) for each in (first, rest)),
                *(each.en.eq(port.en) for each in (first, rest)),
                port.data.eq(Mux(in_rest, rest.data, first.data)),
            ]
            with m.If(port.en):
                m.d.sync += in_rest.eq(port.addr[-1])
        for port in self._writes:
            first, *rest = (each.write_port() for each in (main, *copies))
            m.d.comb += [
                *(each.addr.eq(port.addr) for each in (first, *rest)),
                *(each.data.eq(port.data) for each in (first, *rest)),
                first.en.eq(port.en & ~port.addr[-1]),
                *(each.en.eq(port.en & port.addr[-1]) for each in rest),
            ]
        return m
