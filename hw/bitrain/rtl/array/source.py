"""Sequence source: the counter or shift register behind a bank of SNGs."""

from amaranth.hdl import Array, Cat, Const, Module, Signal, Value
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
    next_value : Out(n)
        What ``value`` will be in the next cycle.
    """

    def __init__(self, sequence: Sequence):
        self.sequence = sequence
        width = sequence.width
        super().__init__(
            {"restart": In(1), "step": In(1), "value": Out(width), "next_value": Out(width)}
        )

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
            m.d.comb += following.eq(Cat(feedback, state))
        elif isinstance(sequence, CounterSequence):
            step = 1 if sequence.direction == "up" else -1
            m.d.comb += following.eq(state + step)
        else:
            m.d.comb += following.eq(state + 1)
        next_state = Signal(width)
        m.d.comb += next_state.eq(state)
        with m.If(self.restart):
            m.d.comb += next_state.eq(first)
        with m.Elif(self.step):
            m.d.comb += next_state.eq(following)
        m.d.sync += state.eq(next_state)
        m.d.comb += [
            self.value.eq(self._seen(state)),
            self.next_value.eq(self._seen(next_state)),
        ]
        return m

    def _seen(self, state: Value) -> Value:
        """The value in a state."""
        sequence, width = self.sequence, self.sequence.width
        if isinstance(sequence, Lfsr):
            return state
        if isinstance(sequence, CounterSequence):
            columns = sequence.columns()
            return Cat(
                Cat(state[j] for j, column in enumerate(columns) if column >> i & 1).xor()
                for i in range(width)
            )
        return Array(Const(int(value), width) for value in sequence.values)[state]
