"""Max pooling of interleaved channels."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out


class MaxPool(Component):
    """Running maximum of each of P channels that take turns; combinational from ``value``.

    The P maxima go round in a ring, so that no multiplexer picks one.

    Members
    -------
    valid : In(1)
        A value of the next channel is there.
    first : In(1)
        It is the first of its pooling window.
    value : In(n + 1)
    maximum : Out(n + 1)
        Of the window up to and including ``value``.
    """

    def __init__(self, *, num_channels: int, bits: int):
        self.num_channels = num_channels
        super().__init__(
            {"valid": In(1), "first": In(1), "value": In(bits + 1), "maximum": Out(bits + 1)}
        )

    def elaborate(self, platform):
        m = Module()
        ring = Signal(data.ArrayLayout(len(self.value), self.num_channels))
        grown = self.first | (self.value > ring[0])
        m.d.comb += self.maximum.eq(Mux(grown, self.value, ring[0]))
        with m.If(self.valid):
            m.d.sync += [ring[i].eq(ring[i + 1]) for i in range(self.num_channels - 1)]
            m.d.sync += ring[self.num_channels - 1].eq(self.maximum)
        return m
