"""The P x Q x N array of bit-serial integers: AND gates and population counts, without SNGs."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Array

from ..engine.layouts import activation_shape, weight_layout
from .mac_array import delayed
from .plane_source import PlaneSource
from .popcount import PopulationCount
from .sng_bank import selected


class BitSerialArray(Component):
    """Counts P x Q neurons, N lanes at a time, a pair of bits in a cycle.

    In every step, for output channel p and position q, with sign s of weight w, and the bits of
    the pair of planes of significance t::

        count[q P + p] += 2^t Σ_j ((x_qj's bit AND |w_pj|'s bit) XOR s_pj)

    A lane of negative weight counts one too many each time, a constant of the neuron (see
    ``Program.bias_words``). Full scale has ones for bits. Counts go on from tile to tile, modulo
    2^count_bits.

    ::

        operands, planes ─►│bits│─► AND, XOR s, population count ─►│ones│─► << t, + ─►│count│
        cycle      0         1                                       2                  3

    Population counts take a cycle more where they are pipelined.

    Latency: ``done`` rises 3 cycles after the step with ``last``, 4 with pipelined population
    counts; counts hold until the next tile's first step arrives, at the earliest one cycle later.

    Parameters
    ----------
    array
        P, Q and N.
    bits
        Precision n.
    count_bits
        Width of a neuron's count.

    Members
    -------
    restart : In(1)
        The next cycle is the first of a chunk.
    step : In(1)
        This cycle's bits count.
    last : In(1)
        With ``step``: the last of a neuron.
    activations : In(ArrayLayout(ArrayLayout(n + 1, N), Q))
        Operands of each position, stable while their bits are at work.
    weights : In(ArrayLayout(ArrayLayout(weight, N), P))
        Operands of each channel.
    counts : Out(ArrayLayout(count_bits, P Q))
        In the order in which results leave: position by position.
    done : Out(1)
        The counts are complete.
    """

    def __init__(self, array: Array, *, bits: int, count_bits: int):
        self.array = array
        self.bits = bits
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
        )

    def elaborate(self, platform):
        m = Module()
        num_channels, lanes = self.array.channels, range(self.array.lanes)
        depth = 3 if self.array.pipelined else 2
        m.submodules.planes = planes = PlaneSource(self.bits)
        m.d.comb += [planes.restart.eq(self.restart), planes.step.eq(self.step)]
        stepped, last = (delayed(m, x, depth) for x in (self.step, self.last))
        m.d.sync += self.done.eq(stepped[-1] & last[-1])
        shift: Value = planes.shift
        for cycle in range(depth):
            register = Signal.like(planes.shift, name=f"shift_{cycle}")
            m.d.sync += register.eq(shift)
            shift = register
        xs, ws, signs = (
            Signal(data.ArrayLayout(self.array.lanes, count), name=name)
            for name, count in (
                ("activation_bits", self.array.positions),
                ("weight_bits", num_channels),
                ("signs", num_channels),
            )
        )
        for q, numbers in enumerate(self.activations):
            lines = planes.activation_lines
            m.d.sync += [xs[q][j].eq(selected(lines, numbers[j])) for j in lanes]
        for p, numbers in enumerate(self.weights):
            lines = planes.weight_lines
            m.d.sync += [ws[p][j].eq(selected(lines, numbers[j].magnitude)) for j in lanes]
            m.d.sync += [signs[p][j].eq(numbers[j].sign) for j in lanes]
        for i in range(self.array.neurons):
            q, p = divmod(i, num_channels)
            counter = PopulationCount(self.array.lanes, pipelined=self.array.pipelined)
            m.submodules[f"population_count_{i}"] = counter
            ones = Signal.like(counter.count, name=f"ones_{i}")
            m.d.comb += counter.bits.eq((xs[q] & ws[p]) ^ signs[p])
            m.d.sync += ones.eq(counter.count)
            with m.If(stepped[-1]):
                m.d.sync += self.counts[i].eq(self.counts[i] + (ones << shift))
        return m
