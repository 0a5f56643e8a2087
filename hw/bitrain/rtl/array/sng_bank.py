"""SNG bank: comparators or multiplexers of several operand vectors on wires from one source."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.spec import LaneWire, SngBank

from ..engine.layouts import activation_shape
from .source import SequenceSource


class StochasticNumberGenerators(Component):
    """bits[i][j] at step t = the bit of numbers[i][j] for v = rotate(values[t], lane j) XOR invert.

    It is v < numbers[i][j], or with multiplexers the bit of numbers[i][j] at the highest one of v,
    selected by lines that all operand vectors share. All of them see the same source; lane j uses
    wire j mod (lanes of the bank). ``signed`` parts the streams of positive numbers from those of
    negative ones.

    Latency: bits one cycle after the step.

    Parameters
    ----------
    bank
        Sequence (of width n), lane wiring and generator.
    num_vectors
        Operand vectors that share the source.
    num_lanes
        N, a multiple of the bank's lanes.
    signed
        Whether numbers are magnitudes with a sign beside.

    Members
    -------
    restart : In(1)
        The next cycle is step 0.
    step : In(1)
        Advance.
    numbers : In(ArrayLayout(ArrayLayout(n + 1, N), num_vectors))
        Numbers 0 … 2^n to turn into streams.
    bits : Out(ArrayLayout(N, num_vectors))
        One bit of each stream; if signed, of positive numbers, and 0 for the others.
    signs : In(ArrayLayout(N, num_vectors)), negative_bits : Out(ArrayLayout(N, num_vectors))
        Only if signed: whether numbers are negative; one bit of the streams of these.
    """

    def __init__(self, bank: SngBank, *, num_vectors: int, num_lanes: int, signed: bool = False):
        self.bank = bank
        self.source = SequenceSource(bank.sequence)
        self.signed = signed
        self.num_vectors = num_vectors
        self.num_lanes = num_lanes
        numbers = data.ArrayLayout(activation_shape(bank.sequence.width), num_lanes)
        lanes = data.ArrayLayout(num_lanes, num_vectors)
        super().__init__(
            {
                "restart": In(1),
                "step": In(1),
                "numbers": In(data.ArrayLayout(numbers, num_vectors)),
                "bits": Out(lanes),
            }
            | ({"signs": In(lanes), "negative_bits": Out(lanes)} if signed else {})
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.source = source = self.source
        m.d.comb += [source.restart.eq(self.restart), source.step.eq(self.step)]
        multiplexed = self.bank.generator == "multiplexer"
        bit_of = selected if multiplexed else _less
        lines: dict[LaneWire, Signal] = {}
        for j in range(self.num_lanes):
            wire = self.bank.lanes[j % len(self.bank.lanes)]
            if not multiplexed:
                value = _wired(source.value, wire)
            elif wire in lines:
                value = lines[wire]
            else:  # out of registers, so that what selects a bit is not computed beside it
                first = int(self.bank.model_copy(update={"lanes": (wire,)}).selects(1)[0, 0])
                value = lines[wire] = Signal(len(source.value), init=first, name=f"lines_{j}")
                m.d.sync += value.eq(_highest_one(_wired(source.next_value, wire)))
            for i in range(self.num_vectors):
                bit = bit_of(value, self.numbers[i][j])
                if self.signed:
                    sign = self.signs[i][j]
                    m.d.sync += self.negative_bits[i][j].eq(bit & sign)
                    bit &= ~sign
                m.d.sync += self.bits[i][j].eq(bit)
        return m


def _wired(value: Value, wire: LaneWire) -> Value:
    return value.rotate_left(wire.rotate) ^ Const(wire.invert, len(value))


def _highest_one(value: Value) -> Value:
    """A line for each bit: whether it is the highest one."""
    return Cat(value[i] & ~value[i + 1 :].any() for i in range(len(value)))


def selected(lines: Value, number: Value) -> Value:
    """The bit that one of the lines selects; number has one bit more, for 2^n: always a one."""
    return (lines & number[: len(lines)]).any() | number[len(lines)]


def _less(value: Value, number: Value) -> Value:
    """Value < number, one LUT4 per bit instead of a carry chain; number has one bit more."""
    less = Const(0, 1)
    for i in range(len(value)):
        less = (number[i] & ~value[i]) | ((number[i] | ~value[i]) & less)
    return less | number[len(value)]
