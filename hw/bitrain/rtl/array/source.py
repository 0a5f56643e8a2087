"""Sequence source: the counter or shift register behind a bank of SNGs."""

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib.wiring import Component, In, Out

from bitrain.spec import CounterSequence, Lfsr, Sequence


class SequenceSource(Component):
    r"""Emits ``sequence.values[t]`` in the t-th step after a restart.

    LFSR: state' = (state << 1) | (XOR of taps, XOR (low n - 1 bits are all zero)).
    Counters: an up or down counter seen through an XOR matrix. Any other kind: a counter and a
    table of the period.

    ::

        restart  ‾\_________________
        step     __/‾‾‾‾‾‾‾‾‾‾‾\___
        value    ??| v0 | v1 | v2 | v3

    Parameters
    ----------
    sequence
        What to emit; its width n is the width of ``value``.

    Members
    -------
    restart : In(1)
        Go back to cycle 0 (wins over ``step``).
    step : In(1)
        Advance.
    value : Out(n)
        Value of the present cycle; valid one cycle after ``restart`` or ``step``.
    """

    def __init__(self, sequence: Sequence):
        self.sequence = sequence
        super().__init__({"restart": In(1), "step": In(1), "value": Out(sequence.width)})

    def elaborate(self, platform):
        m = Module()
        sequence, width = self.sequence, self.sequence.width
        # Kept apart even where several sources run alike: the unshared baseline measures that.
        first = sequence.seed if isinstance(sequence, Lfsr | CounterSequence) else 0
        state = Signal(width, init=first, attrs={"keep": 1})
        following = Signal(width)
        if isinstance(sequence, Lfsr):
            feedback = state[: width - 1] == 0
            for tap in sequence.taps:
                feedback ^= state[tap - 1]
            m.d.comb += [following.eq(Cat(feedback, state)), self.value.eq(state)]
        elif isinstance(sequence, CounterSequence):
            step = 1 if sequence.direction == "up" else -1
            m.d.comb += following.eq(state + step)
            for i in range(width):
                bits = [state[j] for j, column in enumerate(sequence.columns()) if column >> i & 1]
                m.d.comb += self.value[i].eq(Cat(bits).xor())
        else:
            table = Array(Const(int(value), width) for value in sequence.values)
            m.d.comb += [following.eq(state + 1), self.value.eq(table[state])]
        with m.If(self.restart):
            m.d.sync += state.eq(first)
        with m.Elif(self.step):
            m.d.sync += state.eq(following)
        return m
