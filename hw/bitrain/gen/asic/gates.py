"""Gate-level simulation of a mapped netlist, in 64 circuits at once, with counts of transitions.

Every net is a word of 64 bits, one for each of 64 copies of the circuit that get inputs of their
own. At a clock edge flip-flops and inputs change together, and then each cell takes one unit of
time: all cells see what was there a unit before, until nothing changes any more. A net that ends
a cycle with another value than it began with has *settled* anew, which is one transition; whatever
it does in between are *glitches*. Real cells swallow short pulses, which these pass on, and differ
in their delays: a real circuit is most likely between the transitions with and without glitches.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bitrain.spec import BitrainError

from .functions import Function
from .liberty import Cell, Library

COPIES = 64
"""Circuits at once."""
BATCHES = 8
"""Groups of circuits whose transitions are counted by themselves, for the spread of a mean."""
_MOST_UNITS = 10_000
"""Units of time in which a cycle must settle; a loop of gates would go on for ever."""
CONSTANTS = {"0": 0, "x": 0, "z": 0, "1": 1}
"""Nets of constants; Yosys numbers the others from 2."""


class Gates:
    """Copies of one module of Yosys' JSON, flat, with one clock.

    Raises :class:`BitrainError` for cells that it has no model for: latches, flip-flops that are
    cleared or set beside the clock, or of a falling edge, and memories.

    Parameters
    ----------
    module
        Its ports and cells.
    library
        The cells that it is mapped to.
    clock
        Name of the clock's port.
    """

    def __init__(self, module: Mapping[str, Any], library: Library, *, clock: str = "clk"):
        self.library = library
        self.ports = {
            name: np.array([_net(bit) for bit in port["bits"]], np.intp)
            for name, port in module["ports"].items()
        }
        self.clock = clock
        nets = [net for port in self.ports.values() for net in port]
        by_kind: dict[str, list[Mapping[str, list[Any]]]] = defaultdict(list)
        for cell in module["cells"].values():
            if cell["type"] != "$scopeinfo":
                by_kind[cell["type"]].append(cell["connections"])
                nets += [_net(bits[0]) for bits in cell["connections"].values() if bits]
        self.num_nets = 1 + max(nets, default=1)
        self.values = np.zeros(self.num_nets, np.uint64)
        """Of each net, by Yosys' number."""
        self.values[1] = ~np.uint64(0)
        self.settled = np.zeros((self.num_nets, BATCHES), np.int64)
        """Transitions from cycle to cycle, of each net in each batch of copies."""
        self.with_glitches = np.zeros_like(self.settled)
        """All transitions."""
        self.cycles = 0
        """Cycles that are counted."""
        self._logic: list[_Group] = []
        self._registers: list[_Registers] = []
        for name, connections in sorted(by_kind.items()):
            cell = self._cell(name)
            if cell.is_register:
                self._registers.append(_Registers(self, cell, connections))
            else:
                self._logic += _groups(self.library.path, cell, connections)

    def randomise(self, port: str, rng: np.random.Generator) -> None:
        """Put random bits into the flip-flops that drive an output port."""
        wanted = self.ports[port]
        for registers in self._registers:
            registers.randomise(self, wanted, rng)
        self._settle(counted=False)

    def read(self, port: str) -> np.ndarray:
        """Bits of a port in each copy: (copies, width), 0 and 1."""
        return unpack(self.values[self.ports[port]])

    def step(self, inputs: Mapping[str, np.ndarray], *, counted: bool = False) -> None:
        """A clock edge, with which input ports take words: (width,), uint64, see :func:`pack`.

        counted: its transitions count, two of the clock among them.
        """
        before = self.values.copy()
        following = [registers.following(self.values) for registers in self._registers]
        for name, words in inputs.items():
            self.values[self.ports[name]] = words
        for registers, state in zip(self._registers, following, strict=True):
            registers.take(self.values, state)
        if counted:
            self._count(self.with_glitches, before ^ self.values)
        self._settle(counted=counted)
        if counted:
            self.cycles += 1
            self._count(self.settled, before ^ self.values)
            for counts in (self.settled, self.with_glitches):
                counts[self.ports[self.clock]] += 2 * COPIES // BATCHES

    def clear_counts(self) -> None:
        """Begin to count anew."""
        self.cycles = 0
        self.settled[:] = 0
        self.with_glitches[:] = 0

    def _settle(self, *, counted: bool) -> None:
        for _ in range(_MOST_UNITS):
            found = self.values.copy()
            for group in self._logic:
                found[group.outputs] = group.evaluate(self.values)
            changed = found ^ self.values
            if not changed.any():
                return
            if counted:
                self._count(self.with_glitches, changed)
            self.values = found
        raise BitrainError(f"gates of {self.library.path} do not settle: they have a loop")

    @staticmethod
    def _count(counts: np.ndarray, changed: np.ndarray) -> None:
        nets = np.flatnonzero(changed)
        counts[nets] += np.bitwise_count(changed[nets].view(np.uint8).reshape(-1, BATCHES))

    def _cell(self, name: str) -> Cell:
        if (cell := self.library.cells.get(name)) is None:
            raise BitrainError(f"a netlist with {name}, which is no cell of {self.library.path}")
        return cell


def pack(bits: np.ndarray) -> np.ndarray:
    """Bits (copies, width), 0 and 1, as words (width,), uint64."""
    assert len(bits) == COPIES
    packed = np.packbits(bits.astype(np.uint8), axis=0, bitorder="little")
    return np.ascontiguousarray(packed.T).view("<u8").astype(np.uint64).ravel()


def unpack(words: np.ndarray) -> np.ndarray:
    """The opposite."""
    return ((words[None] >> np.arange(COPIES, dtype=np.uint64)[:, None]) & np.uint64(1)).astype(int)


def read_module(netlist: Path, top: str) -> dict[str, Any]:
    """The module ``top`` of Yosys' JSON file; :class:`BitrainError` where there is none."""
    try:
        return json.loads(netlist.read_text(encoding="utf-8"))["modules"][top]
    except (OSError, ValueError, KeyError) as error:
        raise BitrainError(
            f"{netlist}: no netlist of {top!r}; give another --out to have it mapped again"
        ) from error


def _net(bit: int | str) -> int:
    return CONSTANTS[bit] if isinstance(bit, str) else bit


def _nets(connections: list[Mapping[str, list[Any]]], pin: str) -> np.ndarray:
    """The net at a pin of each cell; a constant zero where nothing is."""
    bits = (cell.get(pin) or ["0"] for cell in connections)
    return np.array([_net(each[0]) for each in bits], np.intp)


class _Group:
    """One output of all combinational cells of a kind."""

    def __init__(self, function: Function, inputs: Mapping[str, np.ndarray], outputs: np.ndarray):
        self.function = function
        self.inputs = inputs
        self.outputs = outputs

    def evaluate(self, values: np.ndarray) -> np.ndarray:
        found = self.function({pin: values[nets] for pin, nets in self.inputs.items()})
        return np.broadcast_to(found, self.outputs.shape)


def _groups(path: Path, cell: Cell, connections: list[Mapping[str, list[Any]]]) -> list[_Group]:
    found = []
    for pin in cell.pins.values():
        used = [each for each in connections if each.get(pin.name)]
        if not pin.is_output or not used:
            continue
        function = _function(path, cell, pin.function)
        inputs = {name: _nets(used, name) for name in sorted(function.names)}
        found.append(_Group(function, inputs, _nets(used, pin.name)))
    return found


def _function(path: Path, cell: Cell, text: str) -> Function:
    """Of pins, or of what the cell holds."""
    try:
        function = Function(text)
    except ValueError as error:
        raise BitrainError(f"--liberty {path}: cell {cell.name}: {error}") from error
    known = {*cell.pins, *(cell.flip_flop.states if cell.flip_flop else ())}
    if strange := sorted(function.names - known):
        raise BitrainError(f"--liberty {path}: cell {cell.name}: function of {strange[0]}, no pin")
    return function


class _Registers:
    """All flip-flops of a kind."""

    def __init__(self, gates: Gates, cell: Cell, connections: list[Mapping[str, list[Any]]]):
        path, kind = gates.library.path, cell.flip_flop
        if kind is None:
            raise BitrainError(f"--liberty {path}: {cell.name} is a latch; expected flip-flops")
        clocked = _function(path, cell, kind.clocked_on)
        clocks = [net for pin in clocked.names for net in _nets(connections, pin)]
        high = np.full(1, ~np.uint64(0))
        rises = clocked(dict.fromkeys(clocked.names, high)) == high
        if not rises or kind.forced or {*clocks} - {*gates.ports[gates.clock]}:
            raise BitrainError(
                f"--liberty {path}: energy is simulated with flip-flops that {gates.clock} clocks "
                f"by its rising edge alone, without clear and preset; {cell.name} is another"
            )
        self.next_state = _function(path, cell, kind.next_state)
        self.inputs = {
            name: _nets(connections, name) for name in self.next_state.names - {*kind.states}
        }
        self.names = kind.states
        self.state = np.zeros(len(connections), np.uint64)
        self.outputs = [
            (
                _function(path, cell, pin.function),
                np.array([bool(each.get(pin.name)) for each in connections]),
                _nets(connections, pin.name),
            )
            for pin in cell.pins.values()
            if pin.is_output
        ]

    def held(self, state: np.ndarray) -> dict[str, np.ndarray]:
        """What the outputs are functions of."""
        return dict(zip(self.names, (state, ~state), strict=False))

    def following(self, values: np.ndarray) -> np.ndarray:
        """What is stored with the next edge."""
        inputs = {name: values[nets] for name, nets in self.inputs.items()}
        found = self.next_state(inputs | self.held(self.state))
        return np.broadcast_to(found, self.state.shape).copy()

    def take(self, values: np.ndarray, state: np.ndarray) -> None:
        """Store it, and show it."""
        self.state = state
        for function, used, nets in self.outputs:
            values[nets[used]] = np.broadcast_to(function(self.held(state)), nets.shape)[used]

    def randomise(self, gates: Gates, wanted: np.ndarray, rng: np.random.Generator) -> None:
        drives = np.zeros(len(self.state), bool)
        for _, used, nets in self.outputs:
            drives |= used & np.isin(nets, wanted)
        words = rng.integers(0, 1 << 64, len(self.state), np.uint64)
        self.take(gates.values, np.where(drives, words, self.state))
