"""How many negative weights a tile has really met."""

from amaranth.hdl import Const, Module, Mux, Signal, unsigned
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from ..engine.layouts import negatives_layout, wide


class SignCorrection(Component):
    """negatives[p] = Σ over the chunks of a tile that were at work: their weights below zero.

    Each of them counted one too many in all L cycles (see :class:`MacArray`). They are counted as
    they arrive, which takes P small counters, and added up in step with the array's counts.

    ::

        signs ─►│arrived│─►│ │─►│ │─►│ │─► + ─►│negatives│
        take       0         1    2    3              4      5 with pipelined population counts

    Latency: ``negatives`` are complete with the array's ``done``, and begin anew after it.

    Members
    -------
    arrive : In(1), signs : In(P)
        An element arrives, with weights of these signs; those of W inputs, where W > 1.
    free : In(1), take : In(1)
        The chunk that has arrived leaves the registers; with it, it goes to work.
    done : In(1)
        The array's counts are complete.
    negatives : Out(ArrayLayout(…, P))
    """

    def __init__(self, program: Program):
        self.array = program.array
        super().__init__(
            {
                "arrive": In(1),
                "signs": In(wide(unsigned(self.array.channels), self.array.width)),
                "free": In(1),
                "take": In(1),
                "done": In(1),
                "negatives": Out(negatives_layout(program)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        width = self.array.width
        for p, negatives in enumerate(self.negatives):
            # Counted a cycle late, when the chunk may be leaving: the registers of the sums are
            # cleared then, which takes no logic.
            arrives = Signal(range(width + 1))
            if width == 1:
                arriving = self.arrive & self.signs[p]
            else:
                arriving = sum((self.arrive & signs[p] for signs in self.signs), Const(0, 1))
            arrived = Signal(range(self.array.lanes + 1))
            total = Signal.like(arrived)
            m.d.comb += total.eq(arrived + arrives)
            m.d.sync += [
                arrives.eq(arriving),
                arrived.eq(Mux(self.free, 0, total)),
            ]
            counted = Mux(self.take, total, 0)
            for _ in range(3 + self.array.pipelined):
                delayed = Signal.like(arrived, name="delayed")
                m.d.sync += delayed.eq(counted)
                counted = delayed
            m.d.sync += negatives.eq(Mux(self.done, 0, negatives) + counted)
        return m
