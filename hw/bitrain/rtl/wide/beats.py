"""Beats: W pixels of a row, in the order in which a map is streamed."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.spec import Shape


class BeatPlaces(Component):
    """Where the pixels of a beat lie in the banks (see ``program.memory_map``).

    A map is streamed row by row, channel after channel, W pixels in a beat; the last beat of a row
    may have fewer. Pixel i of it is in bank (channel + i) mod W at word ``address`` + i.

    Parameters
    ----------
    shape, width
        Of the map; W.
    address_bits
        Of addresses, from the map's first word on.

    Members
    -------
    step : In(1)
        Go on to the next beat; after the last, to the first.
    restart : In(1)
        Go back to the first.
    present : Out(place)
        ``address``, ``rotation`` (the channel modulo W), and which pixels ``exist``.
    """

    def __init__(self, shape: Shape, *, width: int, address_bits: int):
        self.map, self.width = shape, width
        place = data.StructLayout(
            {"address": address_bits, "rotation": range(width), "exist": width}
        )
        super().__init__(
            {
                "step": In(1),
                "restart": In(1),
                "present": Out(place),
            }
        )

    def elaborate(self, platform):
        m = Module()
        (channels, rows, columns), width = self.map, self.width
        beats = -(-columns // width)
        rest = columns - (beats - 1) * width
        beat, row = Signal(range(max(2, beats))), Signal(range(max(2, rows)))
        channel = Signal(range(max(2, channels)))
        plane = Signal.like(self.present.address)
        row_end, map_end, word_end, last = (
            Signal(name=name) for name in ("row_end", "map_end", "word_end", "last")
        )
        present = self.present
        address, rotation = Signal.like(present.address), Signal.like(present.rotation)
        every = (1 << width) - 1
        m.d.comb += [
            row_end.eq(beat == beats - 1),
            map_end.eq(row_end & (row == rows - 1)),
            word_end.eq(map_end & (present.rotation == width - 1)),
            last.eq(map_end & (channel == channels - 1)),
            present.exist.eq(Mux(row_end, (1 << rest) - 1, every)),
            address.eq(present.address + Mux(row_end, rest, width)),
            rotation.eq(present.rotation + map_end),
        ]
        with m.If(map_end & ~word_end):
            m.d.comb += address.eq(plane)
        with m.If(last | self.restart):
            m.d.comb += [address.eq(0), rotation.eq(0)]
        with m.If(self.step | self.restart):
            m.d.sync += [
                beat.eq(Mux(row_end, 0, beat + 1)),
                present.address.eq(address),
                present.rotation.eq(rotation),
            ]
            with m.If(row_end):
                m.d.sync += row.eq(row + 1)
            with m.If(map_end):
                m.d.sync += [row.eq(0), channel.eq(channel + 1)]
            with m.If(word_end):
                m.d.sync += plane.eq(address)
            with m.If(last | self.restart):
                m.d.sync += [beat.eq(0), row.eq(0), channel.eq(0), plane.eq(0)]
        return m
