"""Standard cells of a Liberty file, with what timing and energy need of them.

Numbers are in ns, pF, nW, pJ and V, whatever units the file has; areas are as the file has them,
which is µm² by custom. Energies of internal power are in units of capacitance times V² (Liberty
Reference Manual, *internal_power*).
"""

from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bitrain.spec import BitrainError

from .syntax import Group, parse

_PREFIXES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0}


@dataclass(frozen=True)
class Table:
    """Numbers by load (pF) and by the slew of an input (ns); beyond both it goes on linearly."""

    loads: tuple[float, ...]
    slews: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    """A row for each load, a number for each slew."""

    def at(self, load: float, slew: float) -> float:
        """Between the four numbers around."""
        (i, u), (j, v) = _place(self.loads, load), _place(self.slews, slew)
        low, high = (
            row[j] + (row[min(j + 1, len(row) - 1)] - row[j]) * v
            for row in (self.values[i], self.values[min(i + 1, len(self.values) - 1)])
        )
        return low + (high - low) * u


def _place(axis: tuple[float, ...], value: float) -> tuple[int, float]:
    """Number of the interval, and how far into it."""
    if len(axis) == 1:
        return 0, 0.0
    i = min(max(bisect(axis, value) - 1, 0), len(axis) - 2)
    return i, (value - axis[i]) / (axis[i + 1] - axis[i])


@dataclass(frozen=True, kw_only=True)
class Arc:
    """From a pin to an output, with tables by their names: cell_rise, rise_transition."""

    pin: str
    sense: str
    """positive_unate, negative_unate or non_unate."""
    kind: str
    """combinational, rising_edge, falling_edge, setup_rising, …"""
    tables: Mapping[str, Table]


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A pin of a cell."""

    name: str
    is_output: bool
    capacitance: float
    """pF."""
    function: str
    """Of an output, in Liberty's notation (see ``functions``); empty where there is none."""
    arcs: tuple[Arc, ...]
    """Delays to an output, constraints of an input."""
    energies: tuple[Arc, ...]
    """Internal energies (pJ) of a transition of this pin: rise_power, fall_power."""


@dataclass(frozen=True, kw_only=True)
class FlipFlop:
    """What an edge-triggered register stores; functions in Liberty's notation."""

    states: tuple[str, ...]
    """Names of what it holds, and of its inverse, in functions of outputs."""
    next_state: str
    clocked_on: str
    forced: tuple[str, ...]
    """When it is cleared or set, whatever the clock does."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A standard cell."""

    name: str
    area: float
    leakage: float
    """nW."""
    pins: Mapping[str, Pin]
    is_register: bool
    """Flip-flop or latch."""
    flip_flop: FlipFlop | None
    """Of a flip-flop, what it stores."""

    @property
    def inputs(self) -> list[Pin]:
        """Pins that are driven."""
        return [pin for pin in self.pins.values() if not pin.is_output]


@dataclass(frozen=True, kw_only=True)
class Library:
    """A Liberty file."""

    path: Path
    name: str
    voltage: float
    """V."""
    cells: Mapping[str, Cell]

    @cached_property
    def buffer(self) -> str:
        """The smallest cell that may drive inputs of the circuit: one input, one output."""
        single = [
            cell
            for cell in self.cells.values()
            if len(cell.pins) == 2 and len(cell.inputs) == 1 and not cell.is_register
        ]
        if not single:
            raise BitrainError(f"--liberty {self.path}: no buffer and no inverter")
        return min(single, key=lambda cell: cell.area).name


def read_library(path: Path) -> Library:
    """Read a Liberty file; :class:`BitrainError` where it is none, or has no cells to map to."""
    if not path.is_file():
        raise BitrainError(f"--liberty {path}: no such file")
    try:
        library = _Reader(parse(path.read_text(encoding="utf-8", errors="replace"))).library(path)
    except (ValueError, KeyError) as error:
        raise BitrainError(f"--liberty {path}: not a Liberty file ({error})") from error
    if not any(cell.is_register for cell in library.cells.values()):
        raise BitrainError(
            f"--liberty {path}: no flip-flop among {len(library.cells)} cells; give a library of "
            "standard cells"
        )
    return library


class _Reader:
    """Turns the groups of a file into cells."""

    def __init__(self, group: Group):
        self.group = group
        self.ns = _unit(group.text("time_unit", "1ns"), "s") * 1e9
        amount, unit = group.values.get("capacitive_load_unit", ["1", "pf"])
        self.pf = float(amount) * _unit(f"1{unit}", "f") * 1e12
        self.nw = _unit(group.text("leakage_power_unit", "1nW"), "w") * 1e9
        volt = _unit(group.text("voltage_unit", "1V"), "v")
        self.voltage = group.number("nom_voltage", 1.0) * volt
        self.pj = self.pf * volt**2
        self.axes = {
            template.args[0]: [template.text("variable_1"), template.text("variable_2")]
            for template in group.of("lu_table_template", "power_lut_template")
        }

    def library(self, path: Path) -> Library:
        cells = [self._cell(cell) for cell in self.group.of("cell")]
        return Library(
            path=path,
            name=self.group.args[0] if self.group.args else path.stem,
            voltage=self.voltage,
            cells={cell.name: cell for cell in cells},
        )

    def _cell(self, group: Group) -> Cell:
        pins = [self._pin(pin) for pin in group.of("pin")]
        return Cell(
            name=group.args[0],
            area=group.number("area"),
            leakage=group.number("cell_leakage_power") * self.nw,
            pins={pin.name: pin for pin in pins},
            is_register=bool(group.of("ff", "latch")),
            flip_flop=next(map(self._flip_flop, group.of("ff")), None),
        )

    def _flip_flop(self, group: Group) -> FlipFlop:
        return FlipFlop(
            states=tuple(group.args),
            next_state=group.text("next_state"),
            clocked_on=group.text("clocked_on"),
            forced=tuple(filter(None, map(group.text, ("clear", "preset")))),
        )

    def _pin(self, group: Group) -> Pin:
        return Pin(
            name=group.args[0],
            is_output=group.text("direction") == "output",
            capacitance=group.number("capacitance") * self.pf,
            function=group.text("function"),
            arcs=tuple(self._arc(arc, self.ns) for arc in group.of("timing")),
            energies=tuple(self._arc(arc, self.pj) for arc in group.of("internal_power")),
        )

    def _arc(self, group: Group, unit: float) -> Arc:
        return Arc(
            pin=group.text("related_pin"),
            sense=group.text("timing_sense", "non_unate"),
            kind=group.text("timing_type", "combinational"),
            tables={
                each.kind: self._table(each, unit)
                for each in group.groups
                if "values" in each.values
            },
        )

    def _table(self, group: Group, unit: float) -> Table:
        names = self.axes.get(group.args[0], []) if group.args else []
        keys = [key for key in ("index_1", "index_2") if key in group.values]
        axes = [[each for row in _rows(group.values[key]) for each in row] for key in keys]
        rows = [[each * unit for each in row] for row in _rows(group.values["values"])]
        is_load = [name.startswith(("total_output", "output_net")) for name in names]
        if len(axes) == 2 and is_load[1:2] == [True]:
            rows = [list(column) for column in zip(*rows, strict=True)]
            axes, is_load = axes[::-1], is_load[::-1]
        if len(axes) == 1 and is_load[:1] == [True]:
            axes, rows = [axes[0], [0.0]], [[each] for each in rows[0]]
        elif len(axes) < 2:
            axes = [[0.0], *axes] if axes else [[0.0], [0.0]]
        # Constraints are by the slew of the clock, which is sharp, and by that of the data.
        scales = self.pf if is_load[:1] == [True] else self.ns, self.ns
        loads, slews = (
            tuple(each * scale for each in axis) for axis, scale in zip(axes, scales, strict=True)
        )
        if len(rows) != len(loads) or any(len(row) != len(slews) for row in rows):
            raise ValueError(f"{group.kind}: expected {len(loads)} x {len(slews)} numbers")
        return Table(loads, slews, tuple(map(tuple, rows)))


def _rows(texts: Sequence[str]) -> list[list[float]]:
    """Rows of numbers, each in quotes."""
    return [[float(each) for each in text.replace(",", " ").split()] for text in texts]


def _unit(text: str, base: str) -> float:
    """1ns as 1e-9, of a base unit in small letters."""
    text = text.strip().lower()
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz").strip()
    prefix = text.removeprefix(number).strip().removesuffix(base)
    return float(number or 1) * _PREFIXES[prefix]
