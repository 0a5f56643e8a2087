"""Pixels that come one by one, put into beats."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from ..engine.layouts import activation_shape


class PixelPacker(Component):
    """Makes beats of W pixels of a row; the last beat of a row may have fewer, others before.

    Latency: none; a beat comes with its last pixel.

    Members
    -------
    pixels : In(stream of n + 1 bits)
    beats : Out(stream of ArrayLayout(n + 1, W))
    """

    def __init__(self, program: Program):
        self.columns, self.width = program.network.in_shape.width, program.width
        activation = activation_shape(program.network.bits)
        super().__init__(
            {
                "pixels": In(stream.Signature(activation)),
                "beats": Out(stream.Signature(data.ArrayLayout(activation, self.width))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        column, lane = Signal(range(max(2, self.columns))), Signal(range(self.width))
        kept = Signal.like(self.beats.payload)
        row_end, complete = Signal(), Signal()
        m.d.comb += [
            row_end.eq(column == self.columns - 1),
            complete.eq(row_end | (lane == self.width - 1)),
            self.beats.valid.eq(self.pixels.valid & complete),
            self.pixels.ready.eq(self.beats.ready | ~complete),
        ]
        for i, (old, new) in enumerate(zip(kept, self.beats.payload, strict=True)):
            m.d.comb += new.eq(Mux(lane == i, self.pixels.payload, old))
        with m.If(self.pixels.valid & self.pixels.ready):
            m.d.sync += [
                kept.eq(self.beats.payload),
                lane.eq(Mux(complete, 0, lane + 1)),
                column.eq(Mux(row_end, 0, column + 1)),
            ]
        return m
