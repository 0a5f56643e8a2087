"""Neurons of stream mode: accumulate and fire, a pooling window as one."""

from math import gcd

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .layouts import descriptor_layout, neuron_constants


class FiringNeurons(Component):
    """Accumulates P x Q neurons, fires those of a pooling window together, and counts the fires.

    With ``sum`` = S - θ, in each step of a neuron's first chunks and of its last one (``emit``)::

        sum += increment
        sum += increment - negatives - θ · fire         fire = OR over the window of (sum >= 0)
        count += fire

    ::

        increment ─────────► + ─►│sum│─► sign ─► OR of window ─► fire ─► + ─►│count│
        negatives, + θ ─► ±  ┘                                    │
                          ▲───────────────────────────────────────┘

    Layers in counter mode begin with 0 and never emit: what is left is a counter. A window's
    members lie side by side in a tile, so that one of P · Q / M counters serves M neurons, M the
    greatest common divisor of the windows of the program.

    Latency: ``counts`` are those of all steps before, and hold until the step after the next tile's
    first.

    Members
    -------
    descriptor : In(descriptor)
        Stable while streams run.
    step : In(1), first : In(1), emit : In(1), emit_first : In(1)
        Increments count; with it, they are the neurons' first, those of the last chunk, and the
        first of these.
    increments : In(ArrayLayout(…, P Q))
        Position by position.
    constants : In(ArrayLayout(constants, P))
        Of each channel; to change between the last step of a tile and the first of the next.
    counts : Out(ArrayLayout(count_bits, P Q))
        Fires in stream mode, else sums.
    """

    def __init__(self, program: Program, *, increment_bits: int):
        self.array = program.array
        self.windows = program.stream_windows
        self.sum_bits = program.stream_widths.state
        self.fire_bits = max(y.stream_length for y in program.stream_layers).bit_length()
        neurons = program.array.neurons
        self.sums = Signal(data.ArrayLayout(self.sum_bits, neurons))
        """The states, of which proofs speak; no member."""
        super().__init__(
            {
                "descriptor": In(descriptor_layout(program)),
                "step": In(1),
                "first": In(1),
                "emit": In(1),
                "emit_first": In(1),
                "increments": In(data.ArrayLayout(increment_bits, neurons)),
                "constants": In(
                    data.ArrayLayout(neuron_constants(program), program.array.channels)
                ),
                "counts": Out(data.ArrayLayout(program.count_bits, neurons)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        num_channels = self.array.channels
        sums = self.sums
        emitting, fresh = Signal(), Signal()
        m.d.comb += emitting.eq(self.emit & self.descriptor.streaming)
        m.d.sync += fresh.eq(self.step & emitting)
        fires = self._fires(m, [~sums[i][-1] for i in range(self.array.neurons)])
        counts = self._count(m, fires, fresh, self.step & self.emit_first)
        for i, fire in enumerate(fires):
            constants = self.constants[i % num_channels]
            taken = Mux(fire & ~self.emit_first, constants.fired, constants.negatives)
            with m.If(self.step):
                m.d.sync += sums[i].eq(
                    Mux(self.first, constants.start, sums[i])
                    + self.increments[i]
                    - Mux(emitting, taken, 0)
                )
            m.d.comb += self.counts[i].eq(Mux(self.descriptor.streaming, counts[i], sums[i]))
        return m

    def _fires(self, m: Module, above: list[Value]) -> list[Value]:
        """Fire signal of each neuron's window."""
        num_channels = self.array.channels
        by_window = {}
        for window in self.windows:
            joined = {}
            for i in range(0, len(above), window * num_channels):
                for p in range(num_channels):
                    members = above[i + p : i + window * num_channels : num_channels]
                    joined[i + p] = Signal(name=f"fire_{window}_{i + p}")
                    m.d.comb += joined[i + p].eq(Cat(members).any())
            tile = window * num_channels
            by_window[window] = [
                joined[i // tile * tile + i % num_channels] for i in range(len(above))
            ]
        fires = by_window[self.windows[0]]
        for window in self.windows[1:]:
            chosen = self.descriptor.last_window == window - 1
            fires = [Mux(chosen, *pair) for pair in zip(by_window[window], fires, strict=True)]
        return fires

    def _count(self, m: Module, fires: list[Value], fresh: Value, restart: Value) -> list[Value]:
        """Fires of each neuron's window, the present one included."""
        num_channels, shared = self.array.channels, gcd(*self.windows)
        counts = []
        for i in range(len(fires)):
            if i // num_channels % shared:
                counts.append(counts[i - num_channels])
                continue
            count, following = (Signal(self.fire_bits, name=f"{x}_{i}") for x in ("count", "next"))
            m.d.comb += following.eq(count + (fires[i] & fresh))
            m.d.sync += count.eq(Mux(restart, 0, following))
            counts.append(following)
        return counts
