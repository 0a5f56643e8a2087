"""Receiver of a serial line, 8N1."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import Component, In, Out

_BITS = 10
"""Start bit, eight of data, stop bit."""

MIN_DIVISOR = 8
"""The middle of a bit is found to within a cycle, and a sender may be early by 2 % a bit."""


class UartReceiver(Component):
    r"""Samples every bit in its middle, the lowest first.

    ::

        rx     ‾‾\_____/ d0  X  …  X d7  /‾‾‾‾‾‾
                 start                     stop
        valid  ______________________________/‾\__

    Latency: half a bit and three cycles from the edge of the stop bit.

    Parameters
    ----------
    divisor
        Clock cycles of a bit, at least ``MIN_DIVISOR``.

    Members
    -------
    rx : In(1)
        The line, not synchronous to the clock; 1 where it rests.
    byte : Out(8)
        What was received, while ``valid``.
    valid : Out(1)
        For one cycle: a byte.
    error : Out(1)
        For one cycle: a byte without its stop bit; the line must rest before the next.
    """

    def __init__(self, *, divisor: int):
        assert divisor >= MIN_DIVISOR, divisor
        self.divisor = divisor
        super().__init__(
            {"rx": In(1), "byte": Out(8), "valid": Out(1), "error": Out(1)},
        )

    def elaborate(self, platform):
        m = Module()
        line = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, line, init=1)
        timer = Signal(range(self.divisor))
        left = Signal(range(_BITS))
        sample = Signal()
        m.d.comb += sample.eq(timer == 0)
        m.d.sync += timer.eq(timer - 1)
        with m.If(sample):
            m.d.sync += timer.eq(self.divisor - 1)
        with m.FSM():
            with m.State("REST"):
                m.d.sync += [timer.eq(self.divisor // 2 - 1), left.eq(_BITS - 1)]
                with m.If(~line):
                    m.next = "BITS"
            with m.State("BITS"), m.If(sample):
                m.d.sync += left.eq(left - 1)
                with m.If(left == 0):
                    m.d.comb += [self.valid.eq(line), self.error.eq(~line)]
                    m.next = "REST"
                    with m.If(~line):
                        m.next = "BREAK"
                with m.Else():
                    m.d.sync += self.byte.eq(Cat(self.byte[1:], line))
                with m.If((left == _BITS - 1) & line):
                    m.next = "REST"  # too short for a start bit
            with m.State("BREAK"), m.If(line):
                m.next = "REST"
        return m
