"""Biases of a layer whose integers have fewer bits."""

from amaranth.hdl import Const, Module, Mux, Signal, signed
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .layouts import descriptor_layout


class PrecisionBias(Component):
    """What a channel's count lacks after the cycles of n - d bits (``bitrain.spec.precision``).

    In units of 2^-2n, with ``half`` half a unit of the result with all bits, 0 for scores, where
    2^g is the bias's last bit that is left, g = 2n - log2 L + min(d, log2 L)::

        scaled = floor((word - half) / 2^g + 1/2) · 2^g + half · 2^d - (2^n - 2^d)² · negatives

    for each of ``negatives`` weights counts (2^n - 2^d)² too much in these cycles.

    ::

        word, right ─►│half│─► word - half + 2^g / 2 ─►│rounded│─► + ─►│scaled│
        negatives ───►│excess│─► half · 2^d - excess ─►│ other │──┘
        cycle 0          1                                2               3

    Latency: 3 cycles, one bias per cycle.

    Members
    -------
    descriptor : In(descriptor)
        Stable while biases pass.
    lost : In(…)
        d; so is this.
    word : In(signed(score_bits)), upscale : In(…), negatives : In(…)
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
                "negatives": In(program.negative_bits),
                "scaled": Out(signed(program.score_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        program, layer, lost = self.program, self.descriptor, self.lost
        bits, score = program.network.bits, signed(program.score_bits)
        # Of the layer, which has many cycles to get here.
        kept = Signal(range(2 * bits + 1))  # g
        last_bit = Signal(2 * bits + 1)
        m.d.comb += kept.eq(
            2 * bits - Mux(layer.log_length > lost, layer.log_length - lost, Const(0))
        )
        m.d.sync += last_bit.eq(1 << kept)
        right = Signal(signed(program.largest_right_shift.bit_length() + 2))
        m.d.comb += right.eq(layer.right_shift + self.upscale - program.left_shift)
        largest = max(0, program.largest_right_shift - program.left_shift)
        half = Signal(range((1 << largest) + 1))
        word, excess, rounded, other = (
            Signal(score, name=name) for name in ("first", "excess", "rounded", "other")
        )
        shifted = self.negatives << lost
        m.d.sync += [
            word.eq(self.word),
            half.eq(Mux(~layer.scores & (right >= 1), (1 << right[: len(right) - 1]) >> 1, 0)),
            # (2^n - 2^d)² = 2^2n - 2^(n + d + 1) + 2^2d
            excess.eq((self.negatives << 2 * bits) - (shifted << bits + 1) + (shifted << lost)),
            rounded.eq((word - half + (last_bit >> 1)) & -last_bit),
            other.eq((half << lost) - excess),
            self.scaled.eq(rounded + other),
        ]
        return m
