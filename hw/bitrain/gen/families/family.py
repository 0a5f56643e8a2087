"""What a device family is: all that depends on it, in one object."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .memory_mapping import MemoryCell
from .resources import Capacity, Resources

CellUse = Literal["logic_lut", "carry_lut", "ram_lut", "ff", "bram", "dsp"]
"""Fields of :class:`Resources` that a cell can count for."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """An FPGA in a package."""

    name: str
    family: "Family" = field(repr=False)
    part: str
    capacity: Capacity
    frequency: float
    """Target in MHz unless the user gives one."""
    synth_options: tuple[str, ...] = ()
    """For the family's Yosys command."""
    route_options: tuple[str, ...]
    """For nextpnr; the first chooses the device, the others package, speed and free pins."""

    def synth_command(self, top: str, *options: str) -> str:
        """Yosys' command that maps module ``top``."""
        return " ".join((self.family.synth, *self.synth_options, *options, "-top", top))


@dataclass(frozen=True, kw_only=True)
class Pin:
    """Where a port goes."""

    port: str
    """Port of :class:`SerialAccelerator`."""
    site: str
    attributes: dict[str, str]
    inverted: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Family(ABC):
    """A device family, from block RAMs to bitstreams. The tools are YoWASP's Python packages."""

    name: str
    title: str
    """What people call it."""

    memory_cells: tuple[MemoryCell, ...]
    """Block RAM, and distributed RAM if there is any."""

    synth: str
    """Yosys' command; it must know ``-run`` with the label ``map_luts`` and ``-noflatten``."""
    cells: Mapping[str, tuple[CellUse, int]]
    """Cells of a mapped netlist, by the beginning of their type: what they take, and how many."""
    joins_carries: bool
    """Whether carries share sites with LUTs, at best all of them."""

    router: str
    """The nextpnr program; the Python package ``yowasp-<router>`` has it and the packer."""
    routed_sites: Mapping[str, int]
    """LUT sites (logic cells) of each kind in the ``utilization`` of nextpnr's report."""
    cell_names: tuple[str, ...]
    """How the part of a cell's name begins that the tools append to a signal, after ``_``."""

    constraint_suffix: str
    """Suffix of the constraint file."""
    constraint_option: str
    """nextpnr's, before a constraint file."""
    target_constraints: str
    """A constraint file with the target only: a format string of ``clock`` and ``mhz``."""
    core_flow: str
    """FuseSoC's flow."""

    packages: Mapping[str, str]
    """What nextpnr calls the packages that amaranth-boards names."""
    routed_option: str
    """nextpnr's, before the file that the packer takes."""
    packer: str
    """The program ``yowasp-<packer>`` takes options, the routed file and the bitstream's name."""
    bitstream_suffix: str

    @abstractmethod
    def devices(self) -> tuple[Device, ...]:
        """The devices, the smallest of a kind first: the first that suffices is proposed."""

    @abstractmethod
    def pin_constraints(self, pin: Pin) -> list[str]:
        """Lines of a constraint file that place a port."""

    def package_options(self, package: str, speed: str) -> tuple[str, ...]:
        """Options of nextpnr for a board; package and speed grade as amaranth-boards has them."""
        return "--package", self.packages[package]

    @property
    def route_tool(self) -> str:
        """Program and Python package for placing and routing."""
        return f"yowasp-{self.router}"

    @property
    def pack_tool(self) -> str:
        """Program that writes bitstreams."""
        return f"yowasp-{self.packer}"

    def count_cells(self, cells: Mapping[str, int]) -> Resources:
        """Resources of the cells of a mapped netlist (Yosys' ``num_cells_by_type``)."""
        taken = Counter[str]()
        for cell, count in cells.items():
            for beginning, (resource, each) in self.cells.items():
                if cell.startswith(beginning):
                    taken[resource] += each * count
        lut = taken["logic_lut"] + taken["carry_lut"] + taken["ram_lut"]
        return Resources(lut=lut, **taken)

    def routed_luts(self, utilisation: Mapping[str, Mapping[str, int]]) -> int:
        """LUT sites (logic cells) in the ``utilization`` of a nextpnr report."""
        return sum(
            each * utilisation.get(kind, {}).get("used", 0)
            for kind, each in self.routed_sites.items()
        )
