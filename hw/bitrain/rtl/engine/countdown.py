"""Counters that tell the last of a number of steps without a comparison in the way."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib.wiring import Component, In, Out


class Countdown(Component):
    r"""Tells the last of ``most`` + 1 steps.

    ``last`` is a register: a comparison with ``most`` would stand before all that a step moves.

    ::

        restart  ‾‾\_________
        step     ____/‾‾‾‾‾‾‾      most = 2
        last     old_____/‾‾\_

    Parameters
    ----------
    bits
        Of ``most``.

    Members
    -------
    restart : In(1)
        Steps begin with the next cycle; with ``step`` too, it was the last one.
    step : In(1)
        After the last one without ``restart``, ``last`` and ``left`` say nothing.
    most : In(bits)
        Steps less one, with ``restart``.
    last : Out(1)
        The step that comes is the last.
    left : Out(bits)
        Steps after it.
    """

    def __init__(self, bits: int):
        super().__init__(
            {
                "restart": In(1),
                "step": In(1),
                "most": In(bits),
                "last": Out(1),
                "left": Out(bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        last = Signal(init=1)
        m.d.comb += self.last.eq(last)
        with m.If(self.restart):
            m.d.sync += [self.left.eq(self.most), last.eq(self.most == 0)]
        with m.Elif(self.step):
            m.d.sync += [self.left.eq(self.left - 1), last.eq(self.left == 1)]
        return m


def counts_down(m: Module, name: str, most: Value) -> Countdown:
    """A countdown of ``most`` + 1 steps, for ``restart`` and ``step`` to be driven."""
    m.submodules[name] = countdown = Countdown(len(most))
    m.d.comb += countdown.most.eq(most)
    return countdown
