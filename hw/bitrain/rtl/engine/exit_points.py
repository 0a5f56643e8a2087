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

    Latency: none from ``first`` and ``next`` to ``log_length``; one cycle from ``margin`` to
    ``again``. Rungs count as they are when they are needed.

    Members
    -------
    limit : In(…)
        log2 of the longest length, with ``first``.
    rungs : In(ArrayLayout(rung, …))
        Of all lengths but the longest, shortest first.
    first : In(1), next : In(1)
        A pass begins: an image's first one; another one.
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
                "first": In(1),
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
        limit, limit_before = Signal.like(self.limit), Signal.like(self.limit, name="limit_before")
        left, eligible, chosen = (
            Signal(self.num_rungs, name=name) for name in ("left", "eligible", "chosen")
        )
        m.d.comb += limit.eq(Mux(self.first, self.limit, limit_before))
        for i, rung in enumerate(self.rungs):
            longer = self.first | left[i]
            m.d.comb += eligible[i].eq(rung.run & longer & (limit > self.shortest + i))
        m.d.comb += self.log_length.eq(limit)
        for i in reversed(range(self.num_rungs)):
            with m.If(eligible[i]):
                m.d.comb += self.log_length.eq(self.shortest + i)
        with m.If(self.first | self.next):
            # The lowest, and those above it.
            lowest = eligible & -eligible
            m.d.sync += [
                limit_before.eq(limit),
                chosen.eq(lowest),
                left.eq(eligible ^ lowest),
                self.lengths.eq(Mux(self.first, 0, self.lengths) | (1 << self.log_length)),
            ]
        threshold, enough = Signal.like(self.margin), Signal()
        with m.Switch(chosen):
            for i, rung in enumerate(self.rungs):
                with m.Case(1 << i):
                    m.d.comb += threshold.eq(rung.threshold)
        m.d.sync += enough.eq(self.single | (self.margin >= threshold))
        m.d.comb += self.again.eq(chosen.any() & ~enough)
        return m
