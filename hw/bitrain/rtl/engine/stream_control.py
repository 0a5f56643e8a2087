"""Stream control: when the array counts, and when it waits."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from .layouts import descriptor_layout


class StreamControl(Component):
    r"""Runs L cycles for each chunk of operands, tile after tile.

    Chunks follow each other without a gap while operands are there in time. The last cycle of a
    tile waits until P Q / W cycles have passed since that of the previous tile, because the
    previous results leave W per cycle.

    ::

        full   ‾‾\___/‾‾‾‾‾‾‾‾‾‾‾
        take   ‾‾\_________/‾‾\___
        step   __/‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾     L = 4, two chunks
        first  __/‾‾\____________
        last   ________________ …

    Members
    -------
    descriptor : In(descriptor)
        Stable while streams run.
    full : In(1), take : Out(1)
        A chunk of operands is there; it is at work from the next cycle on.
    step, first, last : Out(1)
        To the array: count this cycle; first and last cycle of the tile's neurons.
    emit, emit_first : Out(1)
        To the array: the last chunk is at work, and its first cycle; only in programs with stream
        mode.
    """

    def __init__(self, program: Program):
        self.leaving_cycles = program.array.leaving_cycles
        self.has_streams = bool(program.stream_layers)
        super().__init__(
            {
                "descriptor": In(descriptor_layout(program)),
                "full": In(1),
                "take": Out(1),
                "step": Out(1),
                "first": Out(1),
                "last": Out(1),
            }
            | ({"emit": Out(1), "emit_first": Out(1)} if self.has_streams else {})
        )

    def elaborate(self, platform):
        m = Module()
        layer = self.descriptor
        running, last_cycle, last_chunk, chunk_done = (
            Signal(name=name) for name in ("running", "last_cycle", "last_chunk", "chunk_done")
        )
        # Nothing is at work, or its last cycle is.
        free = Signal(init=1)
        cycle = Signal.like(layer.last_cycle)
        chunk = Signal.like(layer.last_chunk)
        leaving = Signal(range(self.leaving_cycles + 1))
        crowded = Signal()
        m.d.comb += [
            self.last.eq(last_cycle & last_chunk),
            self.first.eq((cycle == 0) & (chunk == 0)),
            self.step.eq(running & ~(self.last & crowded)),
            chunk_done.eq(self.step & last_cycle),
            self.take.eq(self.full & free),
        ]
        if self.has_streams:
            m.d.comb += [self.emit.eq(last_chunk), self.emit_first.eq((cycle == 0) & last_chunk)]
        with m.If(leaving != 0):
            m.d.sync += leaving.eq(leaving - 1)
        # All a cycle early, so that it takes no time on the way to ``take``, which moves operands.
        next_cycle, next_chunk = Signal.like(cycle), Signal.like(chunk)
        next_running, next_crowded, is_last_cycle, is_last_chunk = (
            Signal(name=name)
            for name in ("next_running", "next_crowded", "is_last_cycle", "is_last_chunk")
        )
        m.d.comb += [
            next_cycle.eq(cycle),
            next_chunk.eq(chunk),
            next_running.eq(self.take | (running & ~chunk_done)),
            next_crowded.eq(leaving > 2),
            is_last_cycle.eq(next_cycle == layer.last_cycle),
            is_last_chunk.eq(next_chunk == layer.last_chunk),
        ]
        m.d.sync += [
            cycle.eq(next_cycle),
            chunk.eq(next_chunk),
            running.eq(next_running),
            crowded.eq(next_crowded),
            last_cycle.eq(is_last_cycle),
            last_chunk.eq(is_last_chunk),
            free.eq(~next_running | (is_last_cycle & ~(is_last_chunk & next_crowded))),
        ]
        with m.If(self.step):
            m.d.comb += next_cycle.eq(cycle + 1)
        with m.If(chunk_done):
            m.d.comb += [next_cycle.eq(0), next_chunk.eq(chunk + 1)]
            with m.If(last_chunk):
                m.d.comb += [next_chunk.eq(0), next_crowded.eq(self.leaving_cycles > 1)]
                m.d.sync += leaving.eq(self.leaving_cycles)
        return m
