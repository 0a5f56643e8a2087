"""Energy of a mapped netlist: so many picojoules for each transition of each net.

For a net that is driven by output y of a cell and drives input pins i,

    E = ½ V² · Σ_i C_i  +  mean over related pins r of ½ (rise_y,r + fall_y,r)(load, slew_r)
                        +  Σ_i ½ (rise_i + fall_i)(slew)

with V = ``nom_voltage``, C_i the ``capacitance`` of a pin, load = Σ_i C_i, and rise and fall from
the tables ``rise_power`` and ``fall_power`` (or ``power``, which is both) of ``internal_power``:
those of outputs by load and by the slew of the related input, those of inputs, such as D and the
clock of flip-flops, by the slew of their own net. Slews are those of static timing (``timing``),
the mean of the rising and the falling one. Between the numbers of a table, and beyond them,
energies are linear, as delays are. Groups of one pin that differ in their ``when`` are averaged.
A net rises as often as it falls, so that a transition is half of both.

Energies of a Liberty file are in units of ``capacitive_load_unit`` · ``voltage_unit``²: 1 pF and
1 V make 1 pJ (Liberty Reference Manual, *internal_power*; they have no unit of their own). Leakage
is no part of them: ``cell_leakage_power`` times the time that passes.

Left out are wires, the clock tree (the clock pins of flip-flops are counted), what drives the
input ports (the pins that these drive are counted), what output ports drive, and memories.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from .liberty import Arc, Library, Pin
from .timing import SHARP, Edge, Netlist

PARTS = ("clock", "inputs", "registers", "logic")
"""Clock pins of flip-flops; input pins that ports drive; outputs of flip-flops; all else."""


@dataclass(frozen=True, kw_only=True)
class Energies:
    """Energy of a transition, by net and part."""

    part: np.ndarray
    """Index in PARTS of each entry, integers."""
    net: np.ndarray
    """Net of each entry, Yosys' number."""
    energy: np.ndarray
    """pJ for a transition of the net."""

    def total(self, transitions: np.ndarray) -> np.ndarray:
        """Energy (pJ) of transitions (nets, batches) by batch: (batches,)."""
        return self.energy @ transitions[self.net]

    def by_part(self, transitions: np.ndarray) -> np.ndarray:
        """The same of all batches together: (PARTS,)."""
        energies = self.energy * transitions[self.net].sum(1)
        return np.bincount(self.part, energies, len(PARTS))


def transition_energies(
    module: Mapping[str, Any], library: Library, *, clock: str = "clk"
) -> Energies:
    """The energies of a flat module of Yosys' JSON whose clock is port ``clock``."""
    netlist = Netlist(module, library)
    slews = {net: _slew(edges) for net, edges in netlist.edges().items()}
    entries = list(_entries(netlist, slews, set(module["ports"][clock]["bits"])))
    parts, nets, energies = zip(*entries, strict=True)
    return Energies(
        part=np.array([PARTS.index(part) for part in parts]),
        net=np.array(nets),
        energy=np.array(energies),
    )


def _entries(
    netlist: Netlist, slews: Mapping[int, float], clocks: set[int]
) -> Iterator[tuple[str, int, float]]:
    """Part, net and energy (pJ) of a transition."""
    half_square = netlist.library.voltage**2 / 2
    for net in {*netlist.drivers, *netlist.sinks}:
        sinks = netlist.sinks.get(net, ())
        part = "clock" if net in clocks else "inputs"
        if net in netlist.drivers:
            name, pin = netlist.drivers[net]
            cell, nets = netlist.cells[name]
            part = "registers" if cell.is_register else "logic"
            yield part, net, _of_output(pin, netlist.load(net), nets, slews)
        yield part, net, half_square * netlist.load(net)
        slew = slews.get(net, SHARP)
        yield part, net, sum(_mean(pin.energies, 0.0, slew) for _, pin in sinks)


def _of_output(pin: Pin, load: float, nets: Mapping[str, int], slews: Mapping[int, float]) -> float:
    """Internal energy (pJ) of a transition of an output, whichever input it follows."""
    by_pin: dict[str, list[Arc]] = {}
    for arc in pin.energies:
        for related in arc.pin.split() or [""]:
            by_pin.setdefault(related, []).append(arc)
    means = [
        _mean(arcs, load, slews.get(nets.get(related, -1), SHARP))
        for related, arcs in by_pin.items()
    ]
    return fmean(means) if means else 0.0


def _mean(arcs: Iterable[Arc], load: float, slew: float) -> float:
    """Mean (pJ) of the arcs' rising and falling energies; 0 without an arc."""
    found = []
    for arc in arcs:
        both = arc.tables.get("power")
        tables = [arc.tables.get(name, both) for name in ("rise_power", "fall_power")]
        found.append(fmean(table.at(load, slew) if table else 0.0 for table in tables))
    return fmean(found) if found else 0.0


def _slew(edges: Mapping[str, Edge]) -> float:
    """Of either edge; nets behind memories alone have none."""
    return fmean(edge.slew for edge in edges.values()) if edges else SHARP
