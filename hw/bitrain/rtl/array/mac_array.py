"""The P x Q x N multiply-accumulate array with its SNGs."""

from itertools import product

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Array, Program, Sharing
from bitrain.spec import OrLanes, SngBank

from ..engine.firing_neurons import FiringNeurons
from ..engine.layouts import activation_shape, weight_layout
from .popcount import PopulationCount
from .sng_bank import StochasticNumberGenerators


class MacArray(Component):
    """Counts product bits of P x Q neurons, N lanes at a time.

    In every step, for output channel p and position q, with sign s of weight w::

        count[q P + p] += Σ_j ((x_qj AND w_pj) XOR s_pj)

    so one LUT per lane and one population count do for products of both signs; what negative
    lanes count too much is a constant of the neuron (see ``Program.bias_words``). Counts go on from
    tile to tile, modulo 2^count_bits, and who takes them takes the difference: nothing need clear
    them, which would cost a LUT per bit. The last lane's bit is the carry into the accumulator.

    With ``or_lanes`` g > 1, lanes of one group G = j div g and one sign count once
    (``spec.or_groups``), 2 N / g bits a neuron::

        count[q P + p] += Σ_G (∨_j∈G (x_qj AND w+_pj)) + (NOT ∨_j∈G (x_qj AND w-_pj))

    where the streams w+ and w- are parted once for all positions that share them.

    ::

        numbers ─► SNGs ─►│x, w│─► LUT, population count ─►│count│─► + ─►│accumulator│
        cycle         0      1                                2                3

    Latency: ``done`` rises 3 cycles after the step with ``last``, 4 where the array's population
    counts are pipelined; counts hold until the next tile's first step arrives, at the earliest one
    cycle later.

    Parameters
    ----------
    activation_bank, weight_bank
        Sequences and lane wiring.
    array
        P, Q, N and which neurons share SNGs.
    count_bits
        Width of a neuron's count.
    or_lanes
        g, which divides N; not with a ``stream_program``.

    Members
    -------
    restart : In(1)
        The next cycle is cycle 0 of the streams.
    step : In(1)
        This cycle's bits count.
    last : In(1)
        With ``step``: last cycle of a neuron.
    activations : In(ArrayLayout(ArrayLayout(n + 1, N), Q))
        Operands of each position, stable while streams run.
    weights : In(ArrayLayout(ArrayLayout(weight, N), P))
        Operands of each channel.
    counts : Out(ArrayLayout(count_bits, P Q))
        In the order in which results leave: position by position.
    done : Out(1)
        The counts are complete.

    With ``stream_program``, a program that has layers in stream mode, the accumulators are
    :class:`FiringNeurons`, whose counts are of one tile, fires in these layers, and there are

    descriptor : In(descriptor)
        Stable while streams run.
    first, emit, emit_first : In(1)
        With ``step``: first cycle of a neuron, a cycle of its last chunk, and the first of these.
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
        or_lanes: OrLanes = 1,
        stream_program: Program | None = None,
    ):
        assert or_lanes == 1 or not stream_program, "neurons that fire have no OR groups"
        assert array.lanes % or_lanes == 0, "groups lie in one chunk"
        self.activation_bank = activation_bank
        self.weight_bank = weight_bank
        self.array = array
        self.count_bits = count_bits
        self.or_lanes = or_lanes
        self.neurons = None
        if stream_program:
            lanes = array.lanes
            self.neurons = FiringNeurons(stream_program, increment_bits=lanes.bit_length())
        bits = activation_bank.sequence.width
        numbers = data.ArrayLayout(activation_shape(bits), array.lanes)
        weights = data.ArrayLayout(weight_layout(bits), array.lanes)
        super().__init__(
            {
                "restart": In(1),
                "step": In(1),
                "last": In(1),
                "activations": In(data.ArrayLayout(numbers, array.positions)),
                "weights": In(data.ArrayLayout(weights, array.channels)),
                "counts": Out(data.ArrayLayout(count_bits, array.neurons)),
                "done": Out(1),
            }
            | (
                {
                    "descriptor": In(self.neurons.descriptor.shape()),
                    "first": In(1),
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
        depth = 3 if self.array.pipelined else 2
        stepped, last = (delayed(m, x, depth) for x in (self.step, self.last))
        m.d.sync += self.done.eq(stepped[-1] & last[-1])
        signs = Signal(data.ArrayLayout(self.array.lanes, self.array.channels))
        if self.or_lanes == 1:
            m.d.sync += [
                signs[p][j].eq(self.weights[p][j].sign)
                for p in range(self.array.channels)
                for j in range(self.array.lanes)
            ]
        if self.neurons:
            m.submodules.neurons = self.neurons
            self._connect(m, self.neurons, stepped, last)
        for i, (x, w) in enumerate(self._streams(m)):
            if self.or_lanes == 1:
                products = Signal(self.array.lanes, name=f"products_{i}")
                m.d.comb += products.eq((x & w) ^ signs[i % self.array.channels])
            else:
                products = Signal(2 * self.array.lanes // self.or_lanes, name=f"products_{i}")
                m.d.comb += products.eq(self._ored(x, w))
            if self.neurons:
                m.d.comb += self.neurons.increments[i].eq(self._count(m, i, products))
                continue
            count = self._count(m, i, products[:-1])
            carry = delayed(m, products[-1], depth - 1)[-1]
            # Doubled, so that the sum of the lowest bits carries into the others.
            doubled = Cat(Const(1, 1), self.counts[i]) + Cat(carry, count)
            with m.If(stepped[-1]):
                m.d.sync += self.counts[i].eq(doubled >> 1)
        return m

    def _count(self, m: Module, i: int, products: Value) -> Value:
        """Ones among a neuron's product bits, in a register."""
        if not len(products):
            return Const(0, 0)
        counter = PopulationCount(len(products), pipelined=self.array.pipelined)
        m.submodules[f"population_count_{i}"] = counter
        count = Signal.like(counter.count, name=f"count_{i}")
        m.d.comb += counter.bits.eq(products)
        m.d.sync += count.eq(counter.count)
        return count

    def _ored(self, x: Value, w: Value) -> Value:
        """Whether a positive weight of a group gives a one, and whether no negative one does."""
        positive, negative = (x & part for part in (w[: len(x)], w[len(x) :]))
        firsts = range(0, len(x), self.or_lanes)
        return Cat(
            *(positive[j : j + self.or_lanes].any() for j in firsts),
            *(~negative[j : j + self.or_lanes].any() for j in firsts),
        )

    def _connect(self, m: Module, neurons: FiringNeurons, stepped: Value, last: Value) -> None:
        """Neurons of stream mode, in step with the population counts."""
        first, emit, emit_first = (
            delayed(m, x, len(stepped)) for x in (self.first, self.emit, self.emit_first)
        )
        m.d.comb += [
            neurons.descriptor.eq(self.descriptor),
            neurons.constants.eq(self.constants),
            neurons.step.eq(stepped[-1]),
            neurons.first.eq(first[-1]),
            neurons.emit.eq(emit[-1]),
            neurons.emit_first.eq(emit_first[-1]),
            self.counts.eq(neurons.counts),
            self.tile_end.eq(stepped[-2] & last[-2]),
        ]

    def _streams(self, m: Module) -> list[tuple[Value, Value]]:
        """Activation and weight bits of each neuron.

        With OR groups, the bits of positive weights, and behind them those of negative ones.
        """
        num_channels, num_positions = self.array.channels, self.array.positions
        xs = [self.activations[q] for q in range(num_positions)]
        ws = [self.weights[p] for p in range(num_channels)]
        if self.array.sharing is Sharing.SHARED:
            xs = self._sngs(m, "activation_sngs", self.activation_bank, xs)
            ws = self._weight_sngs(m, "weight_sngs", ws)
            return [(x, w) for x in xs for w in ws]
        pairs = []
        for i, (x, w) in enumerate(product(xs, ws)):
            pairs += zip(
                self._sngs(m, f"activation_sngs_{i}", self.activation_bank, [x]),
                self._weight_sngs(m, f"weight_sngs_{i}", [w]),
                strict=True,
            )
        return pairs

    def _weight_sngs(self, m: Module, name: str, vectors) -> list[Value]:
        """Streams of weights that share a source."""
        magnitudes = [[weight.magnitude for weight in vector] for vector in vectors]
        signs = [Cat(weight.sign for weight in vector) for vector in vectors]
        signs = signs if self.or_lanes > 1 else []
        return self._sngs(m, name, self.weight_bank, magnitudes, signs)

    def _sngs(self, m: Module, name: str, bank: SngBank, vectors, signs=()) -> list[Value]:
        """Streams of operand vectors that share a source; with signs, as ``_streams`` says."""
        num_lanes, signed = self.array.lanes, bool(signs)
        sngs = StochasticNumberGenerators(
            bank, num_vectors=len(vectors), num_lanes=num_lanes, signed=signed
        )
        m.submodules[name] = sngs
        m.d.comb += [sngs.restart.eq(self.restart), sngs.step.eq(self.step)]
        for i, vector in enumerate(vectors):
            m.d.comb += [sngs.numbers[i][j].eq(vector[j]) for j in range(num_lanes)]
        m.d.comb += [sngs.signs[i].eq(sign) for i, sign in enumerate(signs)]
        bits = [sngs.bits[i] for i in range(len(vectors))]
        return [Cat(b, sngs.negative_bits[i]) for i, b in enumerate(bits)] if signed else bits


def delayed(m: Module, signal: Value, cycles: int) -> Signal:
    """``signal`` after one cycle, after two, and so on."""
    delayed = Signal(cycles, name="delayed")
    m.d.sync += delayed.eq(Cat(signal, delayed))
    return delayed
