"""Stream control that leaves out chunks of zeros."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .layouts import descriptor_layout


class SkippingControl(Component):
    r"""Does what :class:`StreamControl` does, for chunks that are not all zero.

    A chunk of zeros is dropped as soon as it is there, whatever is at work. But the last of a tile,
    zero or not, is taken, as something must end the tile; zeros then are at work for one cycle.

    ::

        full   ‾‾\___/‾\___/‾‾‾‾
        zero   ______/‾\________
        take   ‾‾\_________/‾‾\_
        drop   ______/‾\________
        step   __/‾‾‾‾‾‾‾‾‾‾‾‾‾‾     L = 8

    Members
    -------
    descriptor : In(descriptor)
        Stable while streams run.
    full : In(1), zero : In(1)
        A chunk of operands is there; all its activations are zero.
    take : Out(1), drop : Out(1)
        It is at work from the next cycle on; it is left out.
    step, last : Out(1)
        To the array: count this cycle; last cycle of the tile's neurons.
    """

    def __init__(self, program: Program):
        self.leaving_cycles = program.array.leaving_cycles
        super().__init__(
            {
                "descriptor": In(descriptor_layout(program)),
                "full": In(1),
                "zero": In(1),
                "take": Out(1),
                "drop": Out(1),
                "step": Out(1),
                "last": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        layer = self.descriptor
        running, last_cycle, last_chunk, chunk_done = (
            Signal(name=name) for name in ("running", "last_cycle", "last_chunk", "chunk_done")
        )
        waiting_last = Signal()
        # Nothing is at work, or its last cycle is.
        free = Signal(init=1)
        cycle = Signal.like(layer.last_cycle)
        waiting = Signal.like(layer.last_chunk)  # the chunk that is there, or will be
        leaving = Signal(range(self.leaving_cycles + 1))
        crowded = Signal()
        m.d.comb += [
            self.last.eq(last_cycle & last_chunk),
            self.step.eq(running & ~(self.last & crowded)),
            chunk_done.eq(self.step & last_cycle),
            self.drop.eq(self.full & self.zero & ~waiting_last),
            self.take.eq(self.full & ~self.drop & free),
        ]
        with m.If(leaving != 0):
            m.d.sync += leaving.eq(leaving - 1)
        # All a cycle early, as in StreamControl.
        next_cycle, next_waiting = Signal.like(cycle), Signal.like(waiting)
        next_running, next_crowded, is_last_cycle, is_last_chunk = (
            Signal(name=name)
            for name in ("next_running", "next_crowded", "is_last_cycle", "is_last_chunk")
        )
        m.d.comb += [
            next_cycle.eq(cycle),
            next_waiting.eq(waiting),
            next_running.eq(self.take | (running & ~chunk_done)),
            next_crowded.eq(leaving > 2),
            is_last_cycle.eq(next_cycle == layer.last_cycle),
            is_last_chunk.eq(Mux(self.take, waiting_last, last_chunk)),
        ]
        m.d.sync += [
            cycle.eq(next_cycle),
            waiting.eq(next_waiting),
            running.eq(next_running),
            crowded.eq(next_crowded),
            last_cycle.eq(is_last_cycle),
            last_chunk.eq(is_last_chunk),
            waiting_last.eq(next_waiting == layer.last_chunk),
            free.eq(~next_running | (is_last_cycle & ~(is_last_chunk & next_crowded))),
        ]
        with m.If(self.step):
            m.d.comb += next_cycle.eq(cycle + 1)
        with m.If(chunk_done):
            m.d.comb += next_cycle.eq(0)
            with m.If(last_chunk):
                m.d.comb += next_crowded.eq(self.leaving_cycles > 1)
                m.d.sync += leaving.eq(self.leaving_cycles)
        with m.If(self.take & self.zero):
            m.d.comb += next_cycle.eq(layer.last_cycle)
        with m.If(self.take | self.drop):
            m.d.comb += next_waiting.eq(waiting + 1)
            with m.If(waiting_last):
                m.d.comb += next_waiting.eq(0)
        return m
