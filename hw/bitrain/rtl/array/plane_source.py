"""Plane source: which pair of bits bit-serial multipliers work on."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out


class PlaneSource(Component):
    r"""Walks the pairs of ``bitrain.spec.plane_pairs``, one in each step after a restart.

    ::

        restart      ‾\_________________
        step         __/‾‾‾‾‾‾‾‾‾‾‾\___
        (i, j)       ??|0,0|1,0|1,1|0,1

    Lines and shift come out of registers, as they go far.

    Parameters
    ----------
    bits
        n.

    Members
    -------
    restart : In(1)
        Go back to the first pair (wins over ``step``).
    step : In(1)
        Advance.
    activation_lines, weight_lines : Out(n)
        A line for each bit, the lowest first: n - 1 - i and n - 1 - j are one.
    shift : Out(…)
        Significance of the pair, 2 (n - 1) - i - j.
    """

    def __init__(self, bits: int):
        self.bits = bits
        super().__init__(
            {
                "restart": In(1),
                "step": In(1),
                "activation_lines": Out(bits),
                "weight_lines": Out(bits),
                "shift": Out(range(2 * bits - 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bits = self.bits
        first, most = 1 << bits - 1, 2 * (bits - 1)
        x, w = (Signal(bits, init=first, name=name) for name in ("x", "w"))
        shift = Signal(range(most + 1), init=most)
        m.d.comb += [self.activation_lines.eq(x), self.weight_lines.eq(w), self.shift.eq(shift)]
        # i of activations against j of weights: the larger is the lower line.
        below = Signal()
        m.d.comb += below.eq(Cat(x[k] & w[k + 1 :].any() for k in range(bits - 1)).any())
        with m.If(self.step):
            with m.If(below):  # j < i: on to j + 1
                m.d.sync += [w.eq(w >> 1), shift.eq(shift - 1)]
            with m.Elif(~x[-1]):  # back to i - 1
                m.d.sync += [x.eq(x << 1), shift.eq(shift + 1)]
            with m.Else():  # (0, j): on to (j + 1, 0)
                m.d.sync += [x.eq(w >> 1), w.eq(first), shift.eq(shift - 1)]
        with m.If(self.restart):
            m.d.sync += [x.eq(first), w.eq(first), shift.eq(most)]
        return m
