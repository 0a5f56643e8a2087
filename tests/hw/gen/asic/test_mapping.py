"""A circuit in standard cells, by the real Yosys."""

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out
from standard_cells import small_library

from bitrain.gen.asic.liberty import read_library
from bitrain.gen.asic.mapping import map_component

pytestmark = pytest.mark.tools


class Circuit(Component):
    """A register behind an inverter, a memory, and a block."""

    a: Signal
    address: Signal
    q: Signal
    word: Signal
    both: Signal

    def __init__(self):
        super().__init__(
            {"a": In(4), "address": In(3), "q": Out(4), "word": Out(5), "both": Out(1)}
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.table = table = Memory(shape=5, depth=8, init=[3, 1, 4, 1, 5, 9, 26, 5])
        port = table.read_port()
        m.d.comb += [port.addr.eq(self.address), self.word.eq(port.data)]
        m.d.sync += self.q.eq(~self.a)
        m.submodules.block = block = Block()
        m.d.comb += [block.x.eq(self.a), self.both.eq(block.y)]
        return m


class Block(Component):
    """Whether two bits differ, a cycle later."""

    x: Signal
    y: Signal

    def __init__(self):
        super().__init__({"x": In(4), "y": Out(1)})

    def elaborate(self, platform) -> Module:
        m, different = Module(), Signal()
        m.d.comb += different.eq(self.x[0] ^ self.x[1])
        m.d.sync += self.y.eq(different)
        return m


def test_cells_blocks_and_memories(tmp_path) -> None:
    library = read_library(small_library(tmp_path))
    report = map_component(Circuit(), library, tmp_path / "out", name="circuit")
    assert set(report.cells) <= set(library.cells)
    assert report.cells["DFF"] >= 5
    assert report.memory_bits == 40
    assert report.area == sum(
        library.cells[name].area * count for name, count in report.cells.items()
    )
    assert report.leakage == sum(
        library.cells[name].leakage * count for name, count in report.cells.items()
    )
    (block,) = (block for block in report.blocks if block.path == "block")
    assert block.area >= 8 + 4 and block.cells >= 2
    assert report.path is not None and 0 < report.path.delay < 5
    assert (tmp_path / "out" / "synth" / "small" / "gates.v").is_file()


def test_a_faster_clock_is_asked_for(tmp_path) -> None:
    library = read_library(small_library(tmp_path))
    map_component(Circuit(), library, tmp_path / "out", name="circuit", frequency=250)
    script = (tmp_path / "out" / "synth" / "small" / "yosys.ys").read_text()
    assert "-D 4000" in script
