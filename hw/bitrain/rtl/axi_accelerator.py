"""The accelerator with AXI4-Stream ports and registers on AXI4-Lite."""

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Component, In, Out

from bitrain.spec import Pipeline, Program
from bitrain.spec.pipeline import traces_of
from bitrain.spec.registers import (
    ADDRESS_BITS,
    ENABLE,
    IDENTIFICATION,
    MAP_VERSION,
    REGISTERS,
    register,
)

from .accelerator import Accelerator
from .axi import axi_lite, axi_stream
from .axi_lite import AxiLiteRegisters
from .frame_guard import FrameGuard
from .pipelined_accelerator import PipelinedAccelerator


def build_accelerator(
    program: Program | Pipeline, *, rewindable: bool = False
) -> Accelerator | PipelinedAccelerator:
    """With one engine or several."""
    if isinstance(program, Pipeline):
        return PipelinedAccelerator(program, rewindable=rewindable)
    return Accelerator(program, rewindable=rewindable)


class AxiAccelerator(Component):
    """Takes an image as a frame of pixels, gives its scores as a frame, and can be asked.

    ::

        s_axis ─► frame guard ─► accelerator ─► m_axis
                     │  ▲          │
        s_axil ◄─► registers ◄─────┘

    Latency: that of :class:`Accelerator`. Data are as wide as whole bytes take: an activation in
    the low bits of ``s_axis.tdata``, whose others are ignored, and a score, sign extended, in
    ``m_axis.tdata``. A frame that is too short or too long gives no scores and sets a bit of the
    register ERROR. See :mod:`bitrain.spec.registers`.

    Members
    -------
    s_axis : In(signature), m_axis : Out(signature)
        AXI4-Stream.
    s_axil : In(signature)
        AXI4-Lite.
    class_index : Out(…), busy : Out(1), cycles : Out(32)
        As in the registers, for logic beside the accelerator.
    trace : Out(signature)
        As of the accelerator; one for each engine of several.
    """

    def __init__(self, program: Program | Pipeline):
        self.program = program
        self.accelerator = build_accelerator(program, rewindable=True)
        members = self.accelerator.signature.members
        pixel_bytes = -(-program.activation_bits // 8)
        score_bytes = -(-program.score_bits // 8)
        super().__init__(
            {
                "s_axis": In(axi_stream(8 * pixel_bytes)),
                "m_axis": Out(axi_stream(8 * score_bytes)),
                "s_axil": In(axi_lite(ADDRESS_BITS)),
                "class_index": Out(members["class_index"].shape),
                "busy": Out(1),
                "cycles": Out(32),
            }
            | {name: Out(members[name].signature) for name in traces_of(program)}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.accelerator = accelerator = self.accelerator
        m.submodules.guard = guard = FrameGuard(self.program)
        m.submodules.registers = registers = AxiLiteRegisters()

        # Streams.
        scores = accelerator.scores
        m.d.comb += [
            guard.words.payload.pixel.eq(self.s_axis.tdata),
            guard.words.payload.last.eq(self.s_axis.tlast),
            guard.words.valid.eq(self.s_axis.tvalid),
            self.s_axis.tready.eq(guard.words.ready),
            accelerator.pixels.payload.eq(guard.pixels.payload),
            accelerator.pixels.valid.eq(guard.pixels.valid),
            guard.pixels.ready.eq(accelerator.pixels.ready),
            accelerator.rewind.eq(guard.rewind),
            self.m_axis.tdata.eq(scores.payload.score),
            self.m_axis.tlast.eq(scores.payload.last),
            self.m_axis.tvalid.eq(scores.valid),
            scores.ready.eq(self.m_axis.tready),
            self.class_index.eq(accelerator.class_index),
            self.busy.eq(accelerator.busy),
            self.cycles.eq(accelerator.cycles),
        ]
        for name in traces_of(self.program):
            wiring.connect(m, getattr(accelerator, name), wiring.flipped(getattr(self, name)))

        # Registers.
        enable = Signal(init=ENABLE)
        errors = Signal(sum(field.width for field in register("ERROR").fields))
        frames = Signal(32)
        length = Signal(range(self.program.longest + 1), init=self.program.longest)
        network = self.program.network
        values = {
            "ID": IDENTIFICATION,
            "VERSION": MAP_VERSION,
            "CONTROL": enable,
            "STATUS": self.busy,
            "ERROR": errors,
            "STREAM_LENGTH": length,
            "CYCLES": self.cycles,
            "CLASS_INDEX": self.class_index,
            "FRAMES": frames,
            "PIXELS": network.in_shape.size,
            "SCORES": network.num_scores,
            "SHORTEST": min(self.program.prefixes),
            "FORMAT": network.bits | self.program.score_bits << 8,
        }
        m.d.comb += [registers.values[i].eq(values[r.name]) for i, r in enumerate(REGISTERS)]
        wiring.connect(m, wiring.flipped(self.s_axil), registers.bus)
        m.d.comb += guard.enable.eq(enable)
        with m.If(scores.valid & scores.ready & scores.payload.last):
            m.d.sync += frames.eq(frames + 1)
        written = {
            name: registers.write & (registers.index == register(name).offset // 4)
            for name in ("CONTROL", "ERROR", "STREAM_LENGTH")
        }
        with m.If(written["CONTROL"] & registers.mask[0]):
            m.d.sync += enable.eq(registers.data)
        happened = Signal.like(errors)
        m.d.comb += [happened[0].eq(guard.early), happened[1].eq(guard.missing)]
        with m.If(written["STREAM_LENGTH"]):
            asked = (registers.data & registers.mask) | (length & ~registers.mask)
            with m.Switch(asked):
                with m.Case(*self.program.prefixes):
                    m.d.sync += length.eq(asked)
                with m.Default():
                    m.d.comb += happened[2].eq(1)
        if self.program.run_time_length:
            for i in range(len(length)):
                with m.If(length[i]):
                    m.d.comb += accelerator.log_length.eq(i)
        # What happens as a bit is cleared is kept.
        cleared = Signal.like(errors)
        with m.If(written["ERROR"]):
            m.d.comb += cleared.eq(registers.data & registers.mask)
        m.d.sync += errors.eq((errors & ~cleared) | happened)
        return m
