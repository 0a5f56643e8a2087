"""The P x Q x N multiply-accumulate array with its SNGs."""

from itertools import product

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.spec import Array, Program, Sharing, SngBank

from .layouts import activation_shape, weight_layout
from .popcount import PopulationCount
from .sng_bank import StochasticNumberGenerators
from .stream_neurons import StreamNeurons


class MacArray(Component):
    """Counts product bits of P x Q neurons, N lanes at a time.

    In every step, for output channel p and position q, with sign s of weight w::

        count[q P + p] += Σ_j ((x_qj AND w_pj) XOR s_pj)

    so one LUT per lane and one population count do for products of both signs; what negative
    lanes count too much is a constant of the neuron (see ``Program.bias_words``).

    ::

        numbers ─► SNGs ─►│x, w│─► LUT, population count ─►│count│─► + ─►│accumulator│
        cycle         0      1                                2                3

    Latency: ``done`` rises 3 cycles after the step with ``last``; counts hold until the next tile's
    first step arrives, at the earliest one cycle later.

    Parameters
    ----------
    activation_bank, weight_bank
        Sequences and lane wiring.
    array
        P, Q, N and which neurons share SNGs.
    count_bits
        Width of a neuron's count.

    Members
    -------
    restart : In(1)
        The next cycle is cycle 0 of the streams.
    step : In(1)
        This cycle's bits count.
    first, last : In(1)
        With ``step``: first and last cycle of a neuron.
    activations : In(ArrayLayout(ArrayLayout(n + 1, N), Q))
        Operands of each position, stable while streams run.
    weights : In(ArrayLayout(ArrayLayout(weight, N), P))
        Operands of each channel.
    counts : Out(ArrayLayout(count_bits, P Q))
        In the order in which results leave: position by position.
    done : Out(1)
        The counts are complete.

    With ``stream_program``, a program that has layers in stream mode, the accumulators are
    :class:`StreamNeurons`, whose counts are fires in these layers, and there are

    descriptor : In(descriptor)
        Stable while streams run.
    emit, emit_first : In(1)
        With ``step``: a cycle of the last chunk, and its first.
    constants : In(ArrayLayout(constants, P))
        Of each channel, from the cycle after ``done`` of the tile before to ``done``.
    tile_end : Out(1)
        Two cycles before ``done``.
    """

    def __init__(
        self,
        activation_bank: SngBank,
        weight_bank: SngBank,
        array: Array,
        *,
        count_bits: int,
        stream_program: Program | None = None,
    ):
        self.activation_bank = activation_bank
        self.weight_bank = weight_bank
        self.array = array
        self.count_bits = count_bits
        self.neurons = None
        if stream_program:
            lanes = array.lanes
            self.neurons = StreamNeurons(stream_program, increment_bits=lanes.bit_length())
        bits = activation_bank.sequence.width
        numbers = data.ArrayLayout(activation_shape(bits), array.lanes)
        weights = data.ArrayLayout(weight_layout(bits), array.lanes)
        super().__init__(
            {
                "restart": In(1),
                "step": In(1),
                "first": In(1),
                "last": In(1),
                "activations": In(data.ArrayLayout(numbers, array.positions)),
                "weights": In(data.ArrayLayout(weights, array.channels)),
                "counts": Out(data.ArrayLayout(count_bits, array.neurons)),
                "done": Out(1),
            }
            | (
                {
                    "descriptor": In(self.neurons.descriptor.shape()),
                    "emit": In(1),
                    "emit_first": In(1),
                    "constants": In(self.neurons.constants.shape()),
                    "tile_end": Out(1),
                }
                if self.neurons
                else {}
            )
        )

    def elaborate(self, platform):
        m = Module()
        stepped, first, last = (
            Signal(2, name=f"{name}_delayed") for name in ("step", "first", "last")
        )
        m.d.sync += [
            stepped.eq(Cat(self.step, stepped)),
            first.eq(Cat(self.first, first)),
            last.eq(Cat(self.last, last)),
            self.done.eq(stepped[1] & last[1]),
        ]
        signs = Signal(data.ArrayLayout(self.array.lanes, self.array.channels))
        m.d.sync += [
            signs[p][j].eq(self.weights[p][j].sign)
            for p in range(self.array.channels)
            for j in range(self.array.lanes)
        ]
        if self.neurons:
            m.submodules.neurons = self.neurons
            self._connect(m, self.neurons, stepped, first, last)
        for i, (x, w) in enumerate(self._streams(m)):
            m.submodules[f"population_count_{i}"] = counter = PopulationCount(self.array.lanes)
            m.d.comb += counter.bits.eq((x & w) ^ signs[i % self.array.channels])
            count = Signal.like(counter.count, name=f"count_{i}")
            m.d.sync += count.eq(counter.count)
            if self.neurons:
                m.d.comb += self.neurons.increments[i].eq(count)
                continue
            with m.If(stepped[1]):
                m.d.sync += self.counts[i].eq(Mux(first[1], 0, self.counts[i]) + count)
        return m

    def _connect(
        self, m: Module, neurons: StreamNeurons, stepped: Signal, first: Signal, last: Signal
    ) -> None:
        """Neurons of stream mode, in step with the population counts."""
        emit, emit_first = (Signal(2, name=f"{name}_delayed") for name in ("emit", "emit_first"))
        m.d.sync += [
            emit.eq(Cat(self.emit, emit)),
            emit_first.eq(Cat(self.emit_first, emit_first)),
        ]
        m.d.comb += [
            neurons.descriptor.eq(self.descriptor),
            neurons.constants.eq(self.constants),
            neurons.step.eq(stepped[1]),
            neurons.first.eq(first[1]),
            neurons.emit.eq(emit[1]),
            neurons.emit_first.eq(emit_first[1]),
            self.counts.eq(neurons.counts),
            self.tile_end.eq(stepped[0] & last[0]),
        ]

    def _streams(self, m: Module) -> list[tuple[Value, Value]]:
        """Activation and weight bits of each neuron."""
        num_channels, num_positions = self.array.channels, self.array.positions
        xs = [self.activations[q] for q in range(num_positions)]
        ws = [[weight.magnitude for weight in self.weights[p]] for p in range(num_channels)]
        if self.array.sharing is Sharing.SHARED:
            xs = self._sngs(m, "activation_sngs", self.activation_bank, xs)
            ws = self._sngs(m, "weight_sngs", self.weight_bank, ws)
            return [(x, w) for x in xs for w in ws]
        pairs = []
        for i, (x, w) in enumerate(product(xs, ws)):
            pairs += zip(
                self._sngs(m, f"activation_sngs_{i}", self.activation_bank, [x]),
                self._sngs(m, f"weight_sngs_{i}", self.weight_bank, [w]),
                strict=True,
            )
        return pairs

    def _sngs(self, m: Module, name: str, bank: SngBank, vectors) -> list[Value]:
        """Streams of operand vectors that share a source."""
        num_lanes = self.array.lanes
        sngs = StochasticNumberGenerators(bank, num_vectors=len(vectors), num_lanes=num_lanes)
        m.submodules[name] = sngs
        m.d.comb += [sngs.restart.eq(self.restart), sngs.step.eq(self.step)]
        for i, vector in enumerate(vectors):
            m.d.comb += [sngs.numbers[i][j].eq(vector[j]) for j in range(num_lanes)]
        return [sngs.bits[i] for i in range(len(vectors))]
