"""Early termination: which stream length comes next, and whether any does."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .layouts import rungs_layout


class ExitPoints(Component):
    """Walks up the chosen lengths until the best two scores lie far enough apart.

    Rung i is of length 2^(log2(shortest) + i). An image is run at the rungs with ``run`` below
    ``limit``, shortest first, until one is ``decided``; at last at 2^limit itself::

        decided = margin >= threshold of the rung, or a single score

    Latency: none from ``next`` to ``log_length``; one cycle from ``margin`` to ``again``. Rungs
    count as they are when they are needed.

    Members
    -------
    limit : In(…)
        log2 of the longest length, with ``restart``.
    rungs : In(ArrayLayout(rung, …))
        Of all lengths but the longest, shortest first.
    restart : In(1)
        The next pass is an image's first.
    next : In(1)
        A pass begins.
    margin : In(…), single : In(1)
        Of the scores of the pass, as :class:`ScoreMargin` gives them.
    log_length : Out(…)
        log2 of the length of the pass that begins.
    again : Out(1)
        The pass does not decide: another must follow.
    lengths : Out(…)
        Lengths of the image's passes, or the last image's, together.
    """

    def __init__(self, program: Program):
        self.shortest = min(program.prefixes).bit_length() - 1
        self.num_rungs = len(program.prefixes) - 1
        log_length = range(program.longest.bit_length())
        super().__init__(
            {
                "limit": In(log_length),
                "rungs": In(rungs_layout(program)),
                "restart": In(1),
                "next": In(1),
                "margin": In(program.score_bits),
                "single": In(1),
                "log_length": Out(log_length),
                "again": Out(1),
                "lengths": Out(program.longest.bit_length()),
            }
        )

    def elaborate(self, platform):
        m = Module()
        limit = Signal.like(self.limit, name="held_limit")
        left, eligible, chosen = (
            Signal(self.num_rungs, name=name) for name in ("left", "eligible", "chosen")
        )
        for i, rung in enumerate(self.rungs):
            m.d.comb += eligible[i].eq(rung.run & left[i] & (limit > self.shortest + i))
        m.d.comb += self.log_length.eq(limit)
        for i in reversed(range(self.num_rungs)):
            with m.If(eligible[i]):
                m.d.comb += self.log_length.eq(self.shortest + i)
        first = Signal(init=1)
        with m.If(self.next):
            # The lowest, and those above it.
            lowest = eligible & -eligible
            m.d.sync += [
                first.eq(0),
                chosen.eq(lowest),
                left.eq(eligible ^ lowest),
                self.lengths.eq(Mux(first, 0, self.lengths) | (1 << self.log_length)),
            ]
        with m.If(self.restart):
            m.d.sync += [first.eq(1), limit.eq(self.limit), left.eq(~0)]
        threshold, enough = Signal.like(self.margin), Signal()
        with m.Switch(chosen):
            for i, rung in enumerate(self.rungs):
                with m.Case(1 << i):
                    m.d.comb += threshold.eq(rung.threshold)
        m.d.sync += enough.eq(self.single | (self.margin >= threshold))
        m.d.comb += self.again.eq(chosen.any() & ~enough)
        return m
