"""Population count from full adders in LUTs."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out


class PopulationCount(Component):
    """count = number of ones in bits; combinational.

    Bits of equal weight are reduced by full and half adders (C. S. Wallace, *A Suggestion for a
    Fast Multiplier*, 1964) until one is left of each weight. No carry chain is used: for the few
    bits of a count it costs more than LUTs.

    Parameters
    ----------
    width
        Number of bits to count, at least 1.

    Members
    -------
    bits : In(width)
        What to count.
    count : Out(width.bit_length())
        0 … width.
    """

    def __init__(self, width: int):
        self.width = width
        super().__init__({"bits": In(width), "count": Out(width.bit_length())})

    def elaborate(self, platform):
        m = Module()
        column, result = [self.bits[i] for i in range(self.width)], []
        for _ in range(len(self.count)):
            carries = []
            while len(column) > 1:
                # Oldest first, so that the tree stays balanced.
                a, b, *rest = column
                c, rest = (rest[0], rest[1:]) if rest else (0, [])
                # Named, because an expression is written out wherever it is used.
                half, sum_, carry = Signal(), Signal(), Signal()
                m.d.comb += [
                    half.eq(a ^ b),
                    sum_.eq(half ^ c),
                    carry.eq((a & b) | (half & c)),
                ]
                column = [*rest, sum_]
                carries.append(carry)
            result.append(column[0])
            column = carries
        m.d.comb += self.count.eq(Cat(result))
        return m
