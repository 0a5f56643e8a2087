"""Sources of numbers: the contract's sequence for ever, and every value once a period."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Array, Assert, Assume, Const, Module, Signal
from amaranth.lib.wiring import Component, In

from bitrain.rtl.array.source import SequenceSource
from bitrain.spec import Sequence


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


def _table(sequence: Sequence) -> Array:
    return Array(Const(int(value), sequence.width) for value in sequence.values)
