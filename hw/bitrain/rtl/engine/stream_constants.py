"""What neurons in stream mode start with and take off, tile by tile."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .layouts import descriptor_layout, neuron_constants, stream_word_layout


class StreamConstants(Component):
    r"""Reads the constants of a tile's P channels; they stay for all tiles of positions.

    fired = negatives + 2^exponent.

    ::

        tile_end   __/‾\________
        address    old |new
        word       old    |new
        constants  old       |new

    Latency: 2 cycles from ``tile_end`` to ``constants``.

    Members
    -------
    descriptor : In(descriptor)
        Stable from ``restart`` on.
    restart : In(1)
        Begin a layer.
    tile_end : In(1)
        The tile ends whose constants are shown for the last time in the next cycle.
    address : Out(…), word : In(stream word)
        ROM of stream constants, read in one cycle. Behind its end, where nothing is used, the
        address may wrap.
    constants : Out(ArrayLayout(constants, P))
    """

    def __init__(self, program: Program):
        self.descriptor_layout = descriptor_layout(program)
        channels = program.array.channels
        super().__init__(
            {
                "descriptor": In(self.descriptor_layout),
                "restart": In(1),
                "tile_end": In(1),
                "address": Out(range(len(program.stream_words))),
                "word": In(stream_word_layout(program)),
                "constants": Out(data.ArrayLayout(neuron_constants(program), channels)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layer = self.descriptor
        present = Signal.like(self.address)
        position_tile = Signal.like(layer.last_position_tile)
        channels_end = Signal()
        m.d.comb += [
            channels_end.eq(self.tile_end & (position_tile == layer.last_position_tile)),
            self.address.eq(present + (channels_end & layer.streaming)),
        ]
        m.d.sync += present.eq(Mux(self.restart, layer.stream_base, self.address))
        with m.If(self.restart | channels_end):
            m.d.sync += position_tile.eq(0)
        with m.Elif(self.tile_end):
            m.d.sync += position_tile.eq(position_tile + 1)
        for channel, constants in zip(self.word, self.constants, strict=True):
            m.d.sync += [
                constants.start.eq(channel.start),
                constants.negatives.eq(channel.negatives),
                constants.fired.eq(channel.negatives + (1 << channel.exponent)),
            ]
        return m
