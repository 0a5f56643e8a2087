"""Stochastic max by finite state machines, the baseline of the literature."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out


class FsmMax(Component):
    """A tree of multiplexers, each of which passes on the stream that has had more ones of late.

    A saturating counter goes up where only the first stream of a pair has a one and down where only
    the second has; its most significant bit chooses (Stanh-MUX: J. Yu et al., *Accurate and
    Efficient Stochastic Computing Hardware for Convolutional Neural Networks*, ICCD 2017). What was
    passed on before the counter turned stays, so the count is wrong by some of it.

    Latency: combinational from ``bits``; the states follow a cycle later.

    Parameters
    ----------
    width
        Number of streams.
    state_bits
        Of each counter, which begins in the middle.

    Members
    -------
    restart : In(1)
        Go back to the middle.
    step : In(1)
        This cycle counts.
    bits : In(width)
    maximum : Out(1)
    """

    def __init__(self, *, width: int, state_bits: int):
        self.state_bits = state_bits
        super().__init__({"restart": In(1), "step": In(1), "bits": In(width), "maximum": Out(1)})

    def elaborate(self, platform):
        m = Module()
        streams: list[Value] = [self.bits[i] for i in range(len(self.bits))]
        middle = 1 << self.state_bits - 1
        while len(streams) > 1:
            first, second, *rest = streams
            state = Signal(self.state_bits, init=middle, name=f"state_{len(streams)}")
            passed = Signal(name=f"passed_{len(streams)}")
            m.d.comb += passed.eq(Mux(state[-1], first, second))
            with m.If(self.step & first & ~second & (state != 2 * middle - 1)):
                m.d.sync += state.eq(state + 1)
            with m.If(self.step & ~first & second & (state != 0)):
                m.d.sync += state.eq(state - 1)
            with m.If(self.restart):
                m.d.sync += state.eq(middle)
            streams = [*rest, passed]
        m.d.comb += self.maximum.eq(streams[0])
        return m
