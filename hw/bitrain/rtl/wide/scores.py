"""Scores of W banks, one after the other."""

from amaranth.hdl import Array, Module, Mux, Signal, signed
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from ..engine.memories import ram
from .banks import write_layout


class ScoreBanks(Component):
    r"""Score RAM that W results fill in a cycle and that shows one score after the other.

    Score (c, y, x) is in bank c mod W at word (floor(c / W) rows + y) columns + x; they are shown
    in C order.

    ::

        restart  _/‾\_______________
        step     ___/‾‾‾‾‾‾‾\_/‾\___
        score    -----|0|1|2|3__|4__

    Latency: ``score`` is the first one two cycles after ``restart``, and the next one in the cycle
    after ``step``.

    Members
    -------
    write : In(write)
    restart : In(1)
        Begin with the first score.
    step : In(1)
        Show the next.
    score : Out(signed(score_bits)), index : Out(…), last : Out(1)
        The score that is shown, and whether it is the last.
    """

    def __init__(self, program: Program):
        self.program = program
        self.num_scores = program.network.num_scores
        shape = signed(program.score_bits)
        super().__init__(
            {
                "write": In(write_layout(shape, program.result_address_bits, program.width)),
                "restart": In(1),
                "step": In(1),
                "score": Out(shape),
                "index": Out(range(max(2, self.num_scores))),
                "last": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        program, width = self.program, self.program.width
        pixels = program.network.layers[-1].out_shape.plane
        # Of the score that is shown: its bank, its pixel, and the first word of its channels.
        lane, pixel = Signal(range(width)), Signal(range(max(2, pixels)))
        plane = Signal(range(max(2, program.output_depth + pixels)))
        address, pixel_end, word_end = Signal.like(plane), Signal(), Signal()
        next_lane, next_pixel, next_plane = (
            Signal.like(each, name=f"next_{name}")
            for each, name in ((lane, "lane"), (pixel, "pixel"), (plane, "plane"))
        )
        m.d.comb += [
            self.last.eq(self.index == self.num_scores - 1),
            pixel_end.eq(pixel == pixels - 1),
            word_end.eq(pixel_end & (lane == width - 1)),
            next_pixel.eq(Mux(pixel_end, 0, pixel + 1)),
            next_lane.eq(lane + pixel_end),
            next_plane.eq(plane + Mux(word_end, pixels, 0)),
            address.eq(plane + pixel),
        ]
        with m.If(self.step):
            m.d.comb += address.eq(next_plane + next_pixel)
            m.d.sync += [
                lane.eq(next_lane),
                pixel.eq(next_pixel),
                plane.eq(next_plane),
                self.index.eq(self.index + 1),
            ]
        with m.If(self.restart):
            m.d.sync += [lane.eq(0), pixel.eq(0), plane.eq(0), self.index.eq(0)]
        shown = []
        for bank in range(width):
            words = ram(signed(program.score_bits), program.output_depth)
            m.submodules[f"bank{bank}"] = words
            into, out = words.write_port(), words.read_port()
            m.d.comb += [
                into.en.eq(self.write.enable[bank]),
                into.addr.eq(self.write.address[bank]),
                into.data.eq(self.write.number[bank]),
                out.addr.eq(address),
            ]
            shown.append(out.data)
        m.d.comb += self.score.eq(Array(shown)[lane])
        return m
