"""Stream handshakes: what is offered stays, unchanged, until it is taken."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import Component, In

from bitrain.host import SerialLink
from bitrain.program import Program
from bitrain.rtl.engine.engine import Engine
from bitrain.rtl.engine.layouts import descriptor_layout, rungs_layout
from bitrain.rtl.engine.loader import Loader
from bitrain.rtl.engine.skid_buffer import SkidBuffer
from bitrain.rtl.ports.accelerator import Accelerator
from bitrain.rtl.ports.serial_frames import SerialFrames
from bitrain.rtl.wide.engine import WideEngine


def kept(m: Module, valid: Value, ready: Value, payload: Value) -> Value:
    """Whether a stream has kept its contract in this cycle, given the one before."""
    payload = Value.cast(payload)
    waiting, before = Signal(name="waiting"), Signal(len(payload), name="before")
    m.d.sync += [waiting.eq(valid & ~ready), before.eq(payload)]
    return ~waiting | (valid & (payload == before))


class EngineContract(Engine):
    """Any engine that leaves its score RAM alone while nobody reads another score.

    It may be done at any time, and its scores are whatever they are. That the real engine writes
    scores only between ``start`` and ``done`` is what simulation checks.

    Parameters
    ----------
    program
        As of the engine.
    free_done, free_score
        Inputs of the proof, unconstrained.
    """

    def __init__(self, program: Program, *, free_done: Value, free_score: Value):
        super().__init__(program)
        self.free_done = free_done
        self.free_score = free_score

    def elaborate(self, platform):
        m = Module()
        index = Signal.like(self.score_index)
        index_before = Signal.like(self.score_index)
        score = Signal.like(self.score)
        m.d.sync += [index.eq(self.score_index), index_before.eq(index), score.eq(self.score)]
        m.d.comb += [
            self.done.eq(self.free_done),
            self.score.eq(Mux(index == index_before, score, self.free_score)),
        ]
        return m


class WideEngineContract(WideEngine):
    """The same of an engine that shows one score after the other."""

    def __init__(self, program: Program, *, free_done: Value, free_score: Value):
        super().__init__(program)
        self.free_done = free_done
        self.free_score = free_score

    def elaborate(self, platform):
        m = Module()
        # The first score is there two cycles after ``done``, another one after each step.
        shown, moved = Signal(2), Signal()
        score = Signal(Value.cast(self.score).shape())
        now = Mux(moved | shown.any(), self.free_score, score)
        m.d.sync += [
            shown.eq(Cat(self.done, shown)),
            moved.eq(self.score_step),
            score.eq(self.score),
        ]
        m.d.comb += [self.done.eq(self.free_done), Value.cast(self.score).eq(now)]
        return m


class ScoresAreKept(Component):
    """``Accelerator.scores`` keeps the contract, with any engine of :class:`EngineContract`.

    An accelerator takes the factory of its engine as its second argument.
    """

    def __init__(self, program: Program, accelerator: Callable[..., Any] = Accelerator):
        self.program = program
        self.accelerator = accelerator
        super().__init__(
            {
                "pixel_valid": In(1),
                "ready": In(1),
                "done": In(1),
                "score": In(score_width(program)),
            }
            | ({"rungs": In(rungs_layout(program))} if program.early_termination else {})
        )

    def elaborate(self, platform):
        m = Module()

        def engine(program: Program) -> Engine:
            contract = EngineContract if program.width == 1 else WideEngineContract
            return contract(program, free_done=self.done, free_score=self.score)

        m.submodules.accelerator = accelerator = self.accelerator(self.program, engine)
        scores = accelerator.scores
        if self.program.early_termination:  # any margins, and so any number of passes
            m.d.comb += accelerator.rungs.eq(self.rungs)
        m.d.comb += [
            accelerator.pixels.valid.eq(self.pixel_valid),
            scores.ready.eq(self.ready),
            Assert(kept(m, scores.valid, scores.ready, scores.payload), "scores"),
        ]
        return m


def score_width(program: Program) -> int:
    """Bits of a word that an engine gives."""
    width = 1 if program.network.gives_scores else program.width
    return program.score_bits if width == 1 else width * program.activation_bits


class ElementsAreKept(Component):
    """The loader's elements stay until the operands take them, and so do the memories' outputs."""

    def __init__(self, program: Program, loader: Callable[[Program], Any] = Loader):
        self.program = program
        self.loader = loader
        super().__init__(
            {"descriptor": In(descriptor_layout(program)), "restart": In(1), "ready": In(1)}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.loader = loader = self.loader(self.program)
        m.d.comb += [
            loader.descriptor.eq(self.descriptor),
            loader.restart.eq(self.restart),
            loader.ready.eq(self.ready),
            # The memories hold what they show while they are not enabled.
            Assert(~(loader.enable & loader.valid & ~self.ready), "memories move on"),
            Assert(kept(m, loader.valid, loader.ready, loader.inside), "elements"),
        ]
        return m


class BufferedElementsAreKept(Component):
    """The skid buffer's elements stay until the operands take them, if the memories' do."""

    def __init__(self, program: Program, buffer: Callable[..., Any] = SkidBuffer):
        self.buffer = buffer(program.array, bits=program.network.bits)
        element = Value.cast(self.buffer.element)
        super().__init__({"element": In(len(element)), "valid": In(1), "taken": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.buffer = buffer = self.buffer
        m.d.comb += [
            Value.cast(buffer.element).eq(self.element),
            buffer.valid.eq(self.valid),
            buffer.taken.eq(self.taken),
            Assume(kept(m, buffer.valid, buffer.ready, buffer.element), "memories"),
            Assert(kept(m, buffer.offered, buffer.taken, buffer.first), "elements"),
        ]
        return m


class BytesAreKept(Component):
    """``SerialFrames.bytes`` keeps the contract if the accelerator's scores do."""

    def __init__(self, link: SerialLink, frames: Callable[..., Any] = SerialFrames):
        self.frames = frames(link, gap_cycles=100)
        inputs = ("byte", "byte_valid", "byte_error", "class_index", "cycles")
        score = Value.cast(self.frames.scores.payload)
        super().__init__(
            {name: In(len(getattr(self.frames, name))) for name in inputs}
            | {"score": In(len(score)), "score_valid": In(1), "ready": In(1)}
        )
        self._inputs = inputs

    def elaborate(self, platform):
        m = Module()
        m.submodules.frames = frames = self.frames
        scores, sent = frames.scores, frames.bytes
        m.d.comb += [
            *(getattr(frames, name).eq(getattr(self, name)) for name in self._inputs),
            Value.cast(scores.payload).eq(self.score),
            scores.valid.eq(self.score_valid),
            sent.ready.eq(self.ready),
            Assume(kept(m, scores.valid, scores.ready, scores.payload), "scores"),
            Assert(kept(m, sent.valid, sent.ready, sent.payload), "bytes"),
        ]
        return m
