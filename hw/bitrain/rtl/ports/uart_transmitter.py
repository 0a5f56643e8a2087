"""Transmitter to a serial line, 8N1."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

_BITS = 10
"""Start bit, eight of data, stop bit."""


class UartTransmitter(Component):
    r"""Shifts bytes out, the lowest bit first, without a pause where they follow in time.

    ::

        bytes  ‾\__________________________/‾
        tx     ‾‾\_____/ d0  X  …  X d7  /‾‾‾‾
                  start                    stop

    Latency: the start bit begins one cycle after the byte is taken.

    Parameters
    ----------
    divisor
        Clock cycles of a bit.

    Members
    -------
    bytes : In(stream of 8 bits)
        What to send.
    tx : Out(1)
        The line; 1 where it rests.
    """

    def __init__(self, *, divisor: int):
        assert divisor >= 1, divisor
        self.divisor = divisor
        super().__init__({"bytes": In(stream.Signature(8)), "tx": Out(1)})

    def elaborate(self, platform):
        m = Module()
        bits = Signal(_BITS, init=(1 << _BITS) - 1)
        left = Signal(range(_BITS + 1))
        timer = Signal(range(max(2, self.divisor)))
        m.d.comb += [self.tx.eq(bits[0]), self.bytes.ready.eq(left == 0)]
        with m.If(left == 0):
            with m.If(self.bytes.valid):
                m.d.sync += [
                    bits.eq(Cat(Const(0, 1), self.bytes.payload, Const(1, 1))),
                    left.eq(_BITS),
                    timer.eq(self.divisor - 1),
                ]
        with m.Elif(timer == 0):
            m.d.sync += [
                bits.eq(Cat(bits[1:], Const(1, 1))),
                left.eq(left - 1),
                timer.eq(self.divisor - 1),
            ]
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        return m
