"""Integer multiplier from full adders in LUTs."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from ..engine.layouts import activation_shape


class Multiplier(Component):
    """product = a b, for a and b in 0 … 2^n.

    The n low bits of both go through a carry-save array: row j adds a b_j to sums and carries of
    the row before, so that a bit takes two LUT4, its AND gate included; trees of compressors, and
    what synthesis makes of a multiplication, are larger by half and more. The low bits of 2^n are
    zero: a product with it is the other factor, shifted, and one OR joins the two.

    ::

        a, b ─┬► rows ─► carry chain ─►│low│─► OR ─► product
              └► a b_n | b a_n ───────►│top│────┘
        cycle 0                          1

    Latency: 1 cycle, one product per cycle.

    Parameters
    ----------
    bits
        Precision n.

    Members
    -------
    a : In(n + 1), b : In(n + 1)
        0 … 2^n.
    product : Out(2 n + 1)
        0 … 2^2n.
    """

    def __init__(self, bits: int):
        self.bits = bits
        number = activation_shape(bits)
        super().__init__({"a": In(number), "b": In(number), "product": Out(2 * bits + 1)})

    def elaborate(self, platform):
        m = Module()
        n, a, b = self.bits, self.a, self.b
        finished: list[Value] = []  # bits of the product that no later row adds to
        sums: list[Value] = [a[i] & b[0] for i in range(n)]
        carries: list[Value] = [Const(0, 1)] * n
        for j in range(1, n):
            finished.append(sums[0])
            shifted = [*sums[1:], Const(0, 1)]
            rows = [_add(m, a[i] & b[j], shifted[i], carries[i]) for i in range(n)]
            sums, carries = [row[0] for row in rows], [row[1] for row in rows]
        low, top = Signal(2 * n), Signal(n + 1)
        high = (Cat(*sums[1:]) + Cat(*carries))[:n]
        m.d.sync += [
            low.eq(Cat(*finished, sums[0], high)),
            top.eq(Mux(b[n], a, 0) | Mux(a[n], b, 0)),
        ]
        m.d.comb += self.product.eq(low | top << n)
        return m


def _add(m: Module, a: Value, b: Value, c: Value) -> tuple[Value, Value]:
    """Sum and carry of three bits."""
    sum_, carry = Signal(), Signal()
    m.d.comb += [sum_.eq(a ^ b ^ c), carry.eq((a & b) | (a & c) | (b & c))]
    return sum_, carry
