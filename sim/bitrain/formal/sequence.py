"""Sources of numbers and the streams that SNGs make with them, for ever as the contract says."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Array, Assert, Assume, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In

from bitrain.rtl.array.sng_bank import StochasticNumberGenerators
from bitrain.rtl.array.source import SequenceSource
from bitrain.spec import Sequence, SngBank


class SourceFollowsSequence(Component):
    """At step t after a restart the source shows value t mod 2^n of the sequence.

    By induction over cycles: a counter of steps runs beside the source, and the value is that of
    the table. Nothing is assumed about restarts and steps.
    """

    def __init__(self, sequence: Sequence, source: Callable[[Sequence], Any] = SequenceSource):
        self.sequence = sequence
        self.source = source
        super().__init__({"restart": In(1), "step": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.source = source = self.source(self.sequence)
        step = Signal(self.sequence.width)
        with m.If(self.restart):
            m.d.sync += step.eq(0)
        with m.Elif(self.step):
            m.d.sync += step.eq(step + 1)
        m.d.comb += [
            source.restart.eq(self.restart),
            source.step.eq(self.step),
            Assert(source.value == _table(self.sequence)[step], "not the sequence"),
        ]
        return m


class SequenceIsPermutation(Component):
    """No two steps of a period have the same value: a sequence of 2^n numbers holds each once."""

    def __init__(self, sequence: Sequence):
        self.sequence = sequence
        super().__init__({"one": In(sequence.width), "other": In(sequence.width)})

    def elaborate(self, platform):
        m = Module()
        table = _table(self.sequence)
        m.d.comb += [
            Assume(self.one != self.other, "two steps"),
            Assert(table[self.one] != table[self.other], "a value twice"),
        ]
        return m


class StreamsFollowNumbers(Component):
    """A cycle later, each lane of a bank shows the contract's bit for the source's value.

    Numbers change as they like, and so does the value (that it is the right one is
    :class:`SourceFollowsSequence`). One lane of each wiring is enough: lanes see nothing of each
    other.
    """

    def __init__(self, bank: SngBank, sngs: Callable[..., Any] = StochasticNumberGenerators):
        self.bank = bank.model_copy(update={"lanes": tuple(dict.fromkeys(bank.lanes))})
        self.sngs = sngs
        numbers = {f"number{j}": In(bank.sequence.width + 1) for j in range(len(self.bank.lanes))}
        super().__init__({"restart": In(1), "step": In(1)} | numbers)

    def elaborate(self, platform):
        m = Module()
        width, lanes = self.bank.sequence.width, len(self.bank.lanes)
        m.submodules.sngs = sngs = self.sngs(self.bank, num_vectors=1, num_lanes=lanes)
        m.d.comb += [sngs.restart.eq(self.restart), sngs.step.eq(self.step)]
        for j, wire in enumerate(self.bank.lanes):
            number, expected = getattr(self, f"number{j}"), Signal(name=f"expected{j}")
            value = sngs.source.value.rotate_left(wire.rotate) ^ wire.invert
            m.d.sync += expected.eq(self._bit(value[:width], number))
            m.d.comb += [
                sngs.numbers[0][j].eq(number),
                Assert(sngs.bits[0][j] == expected, f"lane {j}"),
            ]
        return m

    def _bit(self, value: Value, number: Value) -> Value:
        """The contract's words for one bit."""
        if self.bank.generator == "comparator":
            return value < number
        width = len(value)
        bit: Value = Const(0, 1)
        for h in range(width):  # the last that is true counts: the highest one
            bit = Mux(value >= 1 << h, number[h], bit)
        return Mux(number >= 1 << width, 1, bit)


def _table(sequence: Sequence) -> Array:
    return Array(Const(int(value), sequence.width) for value in sequence.values)
