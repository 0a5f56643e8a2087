"""Multiplier in a DSP block: one factor with as many others as its width has room for."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from ..engine.layouts import activation_shape

WIDTH = 18
"""Bits of a DSP block's factors (ECP5, and most others have more)."""


def factors_of_block(bits: int) -> int:
    """How many numbers of n bits are multiplied by another in one block: two up to n = 5."""
    return 2 if 2 * bits + 1 + bits + 1 <= WIDTH else 1


class DspMultiplier(Component):
    """products[i] = a b[i], for a and b in 0 … 2^n, in one multiplication.

    It is a (b[0] + 2^(2 n + 1) b[1]), whose parts do not touch, as a product is at most 2^2n.
    Synthesis puts it into a DSP block, where the device has any.

    Latency: 1 cycle, one product of each per cycle.

    Parameters
    ----------
    bits
        Precision n.
    factors
        How many b there are, at most :func:`factors_of_block`.

    Members
    -------
    a : In(n + 1), b : In(ArrayLayout(n + 1, factors))
        0 … 2^n.
    products : Out(ArrayLayout(2 n + 1, factors))
        0 … 2^2n.
    """

    def __init__(self, bits: int, factors: int):
        self.bits = bits
        number = activation_shape(bits)
        super().__init__(
            {
                "a": In(number),
                "b": In(data.ArrayLayout(number, factors)),
                "products": Out(data.ArrayLayout(2 * bits + 1, factors)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = len(self.b)
        apart = [Signal(2 * self.bits + 1, name=f"factor_{i}") for i in range(count)]
        m.d.comb += [wide.eq(self.b[i]) for i, wide in enumerate(apart)]
        m.d.sync += self.products.as_value().eq(self.a * Cat(*apart))
        return m
