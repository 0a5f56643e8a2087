"""ReLU and requantisation."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib.wiring import Component, In, Out


class Requantise(Component):
    """activation = clip(floor(accumulator · 2^left_shift / 2^right_shift), 0, 2^n).

    Latency: 2 cycles (shift, clip), one result per cycle.

    Parameters
    ----------
    accumulator_bits
        Width of the signed accumulator.
    left_shift
        Constant part of the shift.
    right_shift_bits
        Width of the variable part.
    bits
        Precision n.

    Members
    -------
    accumulator : In(signed(accumulator_bits))
    right_shift : In(right_shift_bits)
    activation : Out(n + 1)
        0 … 2^n.
    """

    def __init__(self, *, accumulator_bits: int, left_shift: int, right_shift_bits: int, bits: int):
        self.left_shift = left_shift
        self.bits = bits
        super().__init__(
            {
                "accumulator": In(signed(accumulator_bits)),
                "right_shift": In(right_shift_bits),
                "activation": Out(bits + 1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        one = 1 << self.bits
        width = max(len(self.accumulator) + self.left_shift, self.bits + 2)
        shifted = Signal(signed(width))
        m.d.sync += shifted.eq((self.accumulator << self.left_shift) >> self.right_shift)
        m.d.sync += self.activation.eq(
            Mux(shifted < 0, 0, Mux(shifted[self.bits : -1].any(), one, shifted[: self.bits]))
        )
        return m
