"""Neurons of stream mode: they fire as the contract says, and a window of counters is a max.

Both by induction over cycles, on one pooling window of the circuit. Beside it runs a model of the
contract (``bitrain.spec.stream``) in numbers with bits to spare; the circuit's states are the
model's, but for the fire that it takes off with the next step.
"""

from collections.abc import Callable, Mapping
from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Member

from bitrain.program import Program
from bitrain.rtl.engine.firing_neurons import FiringNeurons

SPARE = 2
"""Bits of the model beyond those of the circuit's states."""


def window_of(program: Program) -> Program:
    """The program's network on an array of one channel and the largest pooling window."""
    shape = {"channels": 1, "positions": max(program.stream_windows)}
    return Program(program.network, program.array.model_copy(update=shape))


class _Window(Component):
    """One pooling window of ``program``, a neuron's steps, and its ``increments``."""

    def __init__(
        self,
        program: Program,
        neurons: Callable[..., Any],
        *,
        increment_bits: int,
        constants: Mapping[str, Member],
    ):
        self.window = max(program.stream_windows)
        self.state_bits = program.stream_widths.state
        self.neurons = neurons(program, increment_bits=program.array.lanes.bit_length())
        increments = In(data.ArrayLayout(increment_bits, self.window))
        steps = {name: In(1) for name in ("step", "first", "emit_first")}
        super().__init__({**steps, "increments": increments, **constants})


class FiresAsContracted(_Window):
    """y_t = OR_i (S_i >= θ), S_i -= θ y_t in a neuron's last chunk; the count is that of the y_t.

    Assumed: S - θ fits the circuit's states, as ``spec.stream.state_range`` makes it for the
    network at hand; a neuron's constants stay while it runs; its last chunk is run once. Programs
    are those of :func:`window_of`.
    """

    def __init__(self, program: Program, neurons: Callable[..., Any] = FiringNeurons):
        widths = program.stream_widths
        super().__init__(
            program,
            neurons,
            increment_bits=program.array.lanes.bit_length(),
            constants={
                "start": In(signed(widths.state)),
                "negatives": In(widths.negatives),
                "exponent": In(range(widths.state - 1)),
            },
        )

    def elaborate(self, platform):
        m = Module()
        emit, emitting = Signal(), Signal()
        theta = Signal(self.state_bits)
        m.d.comb += [
            emit.eq(self.emit_first | (emitting & ~self.first)),
            theta.eq(1 << self.exponent),
        ]
        _connect(m, self, emit, theta)
        begun = Signal()
        m.d.comb += [
            Assume(~self.step | self.first | begun, "a neuron begins"),
            Assume(~(self.step & self.emit_first & emitting & ~self.first), "emits once"),
        ]
        kept = {}
        for name in ("start", "negatives", "exponent"):
            given = getattr(self, name)
            kept[name] = Signal.like(given, name=f"kept_{name}")
            m.d.comb += Assume(~self.step | self.first | (given == kept[name]), f"{name} stays")
            with m.If(self.step):
                m.d.sync += kept[name].eq(given)

        # The contract, and what the circuit is behind: θ of the last fire.
        shape, room = signed(self.state_bits + SPARE), 1 << self.state_bits - 1
        sums = [each.as_signed() for each in self.neurons.sums]
        fire, owed, fires = Signal(), Signal(shape), Signal(self.neurons.fire_bits)
        last = Signal.like(theta)
        reached = []
        for i, increment in enumerate(self.increments):
            state, value = Signal(shape, name=f"state_{i}"), Signal(shape, name=f"value_{i}")
            before = Mux(self.first, self.start + theta, state)
            m.d.comb += value.eq(before + increment - Mux(emit, self.negatives, 0))
            above = Signal(shape, name=f"above_{i}")
            m.d.comb += above.eq(value - theta)
            m.d.comb += Assume(~self.step | ((above >= -room) & (above < room)), f"{i} fits")
            reached.append(above >= 0)
            with m.If(self.step):
                m.d.sync += state.eq(Mux(fire, above, value))
            m.d.comb += Assert(sums[i] == state + owed - last, f"state {i}")
        m.d.comb += [
            fire.eq(emit & Cat(*reached).any()),
            Assume(~(self.step & fire & fires.all()) | self.emit_first, "no more fires than L"),
        ]
        with m.If(self.step):
            m.d.sync += [begun.eq(1), emitting.eq(emit), owed.eq(Mux(fire, theta, 0))]
            m.d.sync += last.eq(theta)
            with m.If(emit):
                m.d.sync += fires.eq(Mux(self.emit_first, 0, fires) + fire)
        pending = emitting & Cat(each >= 0 for each in sums).any()
        m.d.comb += [
            Assert(owed == Mux(pending, last, 0), "the last fire"),
            Assert(~begun | (last == 1 << kept["exponent"]), "its threshold"),
            Assert(self.neurons.counts[0] == fires, "the count"),
        ]
        return m


class MaxIsLargestCount(_Window):
    """A window of neurons with θ = 1 emits as many ones as the fullest of its input streams has.

    So in every cycle, for any streams of up to 2^b - 1 steps with b the bits of a count: the
    stochastic max by difference counters. Programs are those of :func:`window_of`.
    """

    def __init__(self, program: Program, neurons: Callable[..., Any] = FiringNeurons):
        super().__init__(program, neurons, increment_bits=1, constants={})

    @property
    def start(self) -> Const:
        """S - θ of an empty neuron."""
        return Const(-1, signed(self.state_bits))

    @property
    def negatives(self) -> Const:
        """No weight is negative."""
        return Const(0, 1)

    def elaborate(self, platform):
        m = Module()
        _connect(m, self, Const(1), Const(1))
        m.d.comb += Assume(self.emit_first == self.first, "a chunk is a neuron's first and last")
        bits = self.neurons.fire_bits
        steps, largest = Signal(bits), Const(0, bits)
        begun = Signal()
        m.d.comb += Assume(~self.step | self.first | (begun & ~steps.all()), "long enough a count")
        with m.If(self.step):
            m.d.sync += [begun.eq(1), steps.eq(Mux(self.first, 1, steps + 1))]
        counts = [Signal(bits, name=f"ones_{i}") for i in range(self.window)]
        for count, increment in zip(counts, self.increments, strict=True):
            with m.If(self.step):
                m.d.sync += count.eq(Mux(self.first, 0, count) + increment)
            largest = Mux(count > largest, count, largest)
            m.d.comb += Assert(count <= steps, "a one a step")
        # The last fire is taken off with the next step.
        fires, sums = self.neurons.counts[0], [each.as_signed() for each in self.neurons.sums]
        fire = Cat(each >= 0 for each in sums).any()
        for i, (each, count) in enumerate(zip(sums, counts, strict=True)):
            m.d.comb += Assert(each == count - fires + fire - 1, f"state {i}")
        m.d.comb += Assert(fires == largest, "as many ones as the largest count")
        return m


def _connect(m: Module, proof: Any, emit: Any, theta: Any) -> None:
    """The window to what a proof lets it see, as a layer in stream mode."""
    neurons = m.submodules.neurons = proof.neurons
    m.d.comb += [
        neurons.descriptor.streaming.eq(1),
        neurons.descriptor.last_window.eq(proof.window - 1),
        neurons.step.eq(proof.step),
        neurons.first.eq(proof.first),
        neurons.emit.eq(emit),
        neurons.emit_first.eq(proof.emit_first),
        neurons.constants[0].start.eq(proof.start),
        neurons.constants[0].negatives.eq(proof.negatives),
        neurons.constants[0].fired.eq(proof.negatives + theta),
        *(n.eq(x) for n, x in zip(neurons.increments, proof.increments, strict=True)),
    ]
