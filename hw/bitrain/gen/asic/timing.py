"""Longest path of a mapped netlist by the tables of its library: no wires, an ideal clock.

Arrivals and slews of rising and falling edges are carried from registers and ports through every
cell, the later edge of each. Paths from and to memories are not timed.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .liberty import Arc, Cell, Library, Pin

SHARP = 0.06
"""Slew of clocks and ports, ns."""
_SENSES = {
    "positive_unate": (("rise", "rise"), ("fall", "fall")),
    "negative_unate": (("fall", "rise"), ("rise", "fall")),
    "non_unate": (("rise", "rise"), ("rise", "fall"), ("fall", "rise"), ("fall", "fall")),
}
"""Edges of the input, and of the output that they make."""


@dataclass(frozen=True)
class Edge:
    """Of a net: when it comes at the latest (ns), how long it takes, and where it comes from."""

    arrival: float
    slew: float
    cells: int
    """Cells on the way."""
    begin: str
    """Register or port."""


@dataclass(frozen=True, kw_only=True)
class Path:
    """The longest."""

    delay: float
    """ns, with the setup time of the register where it ends."""
    begin: str
    end: str
    cells: int


class Netlist:
    """Cells of one module of Yosys' JSON, and the nets between them."""

    def __init__(self, module: Mapping[str, Any], library: Library):
        self.library = library
        self.cells: dict[str, tuple[Cell, dict[str, int]]] = {}
        """By name: the cell, and the net at each pin."""
        self.drivers: dict[int, tuple[str, Pin]] = {}
        self.sinks: dict[int, list[tuple[str, Pin]]] = defaultdict(list)
        for name, each in module["cells"].items():
            kind = library.cells.get(each["type"])
            if kind is None:
                continue
            nets = {
                pin: bits[0]
                for pin, bits in each["connections"].items()
                if bits and isinstance(bits[0], int)
            }
            self.cells[name] = kind, nets
            for pin, net in nets.items():
                if kind.pins[pin].is_output:
                    self.drivers[net] = name, kind.pins[pin]
                else:
                    self.sinks[net].append((name, kind.pins[pin]))
        self.ports = {
            bit: f"{name}[{i}]" if len(port["bits"]) > 1 else name
            for name, port in module["ports"].items()
            for i, bit in enumerate(port["bits"])
            if isinstance(bit, int)
        }

    def load(self, net: int) -> float:
        """Capacitance (pF) of the pins that a net drives."""
        return sum(pin.capacitance for _, pin in self.sinks.get(net, ()))

    def edges(self) -> dict[int, dict[str, Edge]]:
        """The latest rising and falling edge of every net."""
        found: dict[int, dict[str, Edge]] = {}
        waiting = {
            name: sum(net in self.drivers for pin, net in nets.items() if self._through(cell, pin))
            for name, (cell, nets) in self.cells.items()
        }
        ready = [name for name, count in waiting.items() if not count]
        for net, port in self.ports.items():
            if net not in self.drivers:
                found[net] = dict.fromkeys(("rise", "fall"), Edge(0.0, SHARP, 0, port))
        while ready:
            name = ready.pop()
            cell, nets = self.cells[name]
            for pin in cell.pins.values():
                if not pin.is_output or (net := nets.get(pin.name)) is None:
                    continue
                found[net] = self._output(name, cell, pin, found)
                for other, sink in self.sinks.get(net, ()):
                    if self._through(self.cells[other][0], sink.name):
                        waiting[other] -= 1
                        if not waiting[other]:
                            ready.append(other)
        return found

    def longest(self) -> Path | None:
        """The longest path that ends in a register or a port; None without cells."""
        best: Path | None = None
        edges = self.edges()
        for net, each in edges.items():
            if not each:  # from memories alone
                continue
            ends = [
                (self._setup(pin, each), f"{name}.{pin.name}")
                for name, pin in self.sinks.get(net, ())
                if self.cells[name][0].is_register and not self._is_clock(pin)
            ]
            if net in self.ports and net in self.drivers:
                ends.append((max(edge.arrival for edge in each.values()), self.ports[net]))
            for delay, end in ends:
                if best is None or delay > best.delay:
                    last = max(each.values(), key=lambda edge: edge.arrival)
                    best = Path(delay=delay, begin=last.begin, end=end, cells=last.cells)
        return best

    def _through(self, cell: Cell, pin: str) -> bool:
        """Whether what comes at an input goes on to an output at once."""
        return not cell.pins[pin].is_output and not cell.is_register

    @staticmethod
    def _is_clock(pin: Pin) -> bool:
        return not any(arc.kind.startswith("setup") for arc in pin.arcs)

    def _setup(self, pin: Pin, edges: Mapping[str, Edge]) -> float:
        times = [
            edge.arrival + max(0.0, table.at(SHARP, edge.slew))
            for arc in pin.arcs
            if arc.kind.startswith("setup")
            for name, edge in edges.items()
            if (table := arc.tables.get(f"{name}_constraint"))
        ]
        return max(times)

    def _output(
        self, name: str, cell: Cell, pin: Pin, found: Mapping[int, Mapping[str, Edge]]
    ) -> dict[str, Edge]:
        load, nets = self.load(self.cells[name][1][pin.name]), self.cells[name][1]
        latest: dict[str, Edge] = {}
        for arc in pin.arcs:
            if cell.is_register:
                if not arc.kind.endswith("_edge"):
                    continue
                inputs = dict.fromkeys(("rise", "fall"), Edge(0.0, SHARP, 0, name))
            else:
                inputs = found.get(nets.get(arc.pin, -1), {})
            for before, after in _SENSES.get(arc.sense, _SENSES["non_unate"]):
                if edge := inputs.get(before):
                    reached = _after(arc, after, edge, load)
                    if after not in latest or reached.arrival > latest[after].arrival:
                        latest[after] = reached
        return latest


def _after(arc: Arc, name: str, edge: Edge, load: float) -> Edge:
    delay, slew = (arc.tables.get(key) for key in (f"cell_{name}", f"{name}_transition"))
    return Edge(
        edge.arrival + (max(0.0, delay.at(load, edge.slew)) if delay else 0.0),
        max(0.0, slew.at(load, edge.slew)) if slew else edge.slew,
        edge.cells + 1,
        edge.begin,
    )
