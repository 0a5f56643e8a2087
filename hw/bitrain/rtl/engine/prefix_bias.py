"""Biases of a layer that stops early."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .layouts import descriptor_layout


class PrefixBias(Component):
    """scaled = floor((word - half) / 2^lost + 1/2), what a channel's count lacks after a prefix.

    ``half`` is half a unit of the result at the full length, 2^(shift + upscale - 1), where the
    prefix is too coarse to be rounded by it, and else 0: see ``spec.with_prefix``. What the sign
    trick counts too much is a multiple of 2^lost, so it may be in the word.

    ::

        word ─►│word, right│─►│word, offset│─► + ─► >> lost ─►│scaled│
        cycle 0      1              2                            3

    Latency: 3 cycles, one bias per cycle.

    Members
    -------
    descriptor : In(descriptor)
        Of the prefix, stable while biases pass.
    lost : In(…)
        Bits that sums lose; so is this.
    word : In(signed(score_bits)), upscale : In(…)
        From the bias ROM.
    scaled : Out(signed(score_bits))
    """

    def __init__(self, program: Program):
        self.program = program
        super().__init__(
            {
                "descriptor": In(descriptor_layout(program)),
                "lost": In(range(program.longest.bit_length())),
                "word": In(signed(program.score_bits)),
                "upscale": In(max(1, program.upscale_bits)),
                "scaled": Out(signed(program.score_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lost = self.lost
        # From accumulator to activation at the full length.
        right = Signal(signed(self.program.largest_right_shift.bit_length() + 2))
        dropped = Signal()
        half, rounding = (
            Signal(range((self.program.longest >> 1) + 1), name=name)
            for name in ("half", "rounding")
        )
        of_layer = self.descriptor.right_shift + lost - self.program.left_shift
        m.d.comb += [
            dropped.eq(~self.descriptor.scores & (right >= 1) & (right <= lost)),
            rounding.eq((1 << lost) >> 1),
            half.eq(Mux(dropped, (1 << right[: len(lost)]) >> 1, 0)),
        ]
        first, word = Signal.like(self.word), Signal.like(self.word)
        offset = Signal.like(rounding)
        m.d.sync += [
            right.eq(of_layer + self.upscale),
            first.eq(self.word),
            word.eq(first),
            # Never negative: half is dropped only where it is no more than the rounding.
            offset.eq(rounding - half),
            self.scaled.eq((word + offset) >> lost),
        ]
        return m
