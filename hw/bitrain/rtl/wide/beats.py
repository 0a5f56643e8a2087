"""Beats: W pixels of a row, in the order in which a map is streamed."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.spec import Shape


class BeatPlaces(Component):
    """Where the pixels of a beat lie in the banks (see ``program.memory_map``).

    A map is streamed row by row, channel after channel, W pixels in a beat; the last beat of a row
    may have fewer. Pixel i of it is in bank (channel + i) mod W at word ``address`` + i.

    Latency: none; ``following`` are those of the beat after the present one.

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
    present, following : Out(place)
        ``address``, ``rotation`` (the channel modulo W), and which pixels ``exist``.
    last : Out(1)
        The present beat is the last.
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
                "following": Out(place),
                "last": Out(1),
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
        row_end, map_end, word_end = (Signal(name=name) for name in ("row_end", "map_end", "word"))
        next_beat = Signal.like(beat)
        present, following = self.present, self.following
        every = (1 << width) - 1
        m.d.comb += [
            row_end.eq(beat == beats - 1),
            map_end.eq(row_end & (row == rows - 1)),
            word_end.eq(map_end & (present.rotation == width - 1)),
            self.last.eq(map_end & (channel == channels - 1)),
            next_beat.eq(Mux(row_end, 0, beat + 1)),
            present.exist.eq(Mux(row_end, (1 << rest) - 1, every)),
            following.exist.eq(Mux(next_beat == beats - 1, (1 << rest) - 1, every)),
            following.address.eq(present.address + Mux(row_end, rest, width)),
            following.rotation.eq(present.rotation + map_end),
        ]
        with m.If(map_end & ~word_end):
            m.d.comb += following.address.eq(plane)
        with m.If(self.last | self.restart):
            m.d.comb += [following.address.eq(0), following.rotation.eq(0)]
        with m.If(self.step | self.restart):
            m.d.sync += [
                beat.eq(next_beat),
                present.address.eq(following.address),
                present.rotation.eq(following.rotation),
            ]
            with m.If(row_end):
                m.d.sync += row.eq(row + 1)
            with m.If(map_end):
                m.d.sync += [row.eq(0), channel.eq(channel + 1)]
            with m.If(word_end):
                m.d.sync += plane.eq(following.address)
            with m.If(self.last | self.restart):
                m.d.sync += [beat.eq(0), row.eq(0), channel.eq(0), plane.eq(0)]
        return m
