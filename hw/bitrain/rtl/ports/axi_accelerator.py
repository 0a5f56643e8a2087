"""The accelerator with AXI4-Stream ports and registers on AXI4-Lite."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Component, In, Out

from bitrain.accelerator import Engines
from bitrain.host.registers import (
    ENABLE,
    IDENTIFICATION,
    address_bits,
    field,
    format_word,
    map_version,
    registers_of,
)
from bitrain.program.memory_map import beats

from ..engine.layouts import rungs_after_reset
from ..engine.weight_loader import WeightLoader
from .accelerator import Accelerator
from .axi import axi_lite, axi_stream
from .axi_lite import AxiLiteRegisters
from .frame_guard import FrameGuard
from .pipelined_accelerator import PipelinedAccelerator


def build_accelerator(
    engines: Engines, *, rewindable: bool = False
) -> Accelerator | PipelinedAccelerator:
    """With one engine or several."""
    if engines.are_several:
        return PipelinedAccelerator(engines, rewindable=rewindable)
    hosted = engines.config.interface.is_axi or not engines.early_termination
    return Accelerator(engines.programs[0], rewindable=rewindable, hosted=hosted)


class AxiAccelerator(Component):
    """Takes an image as a frame of pixels, gives its scores as a frame, and can be asked.

    ::

        s_axis ─► frame guard ─► accelerator ─► m_axis
                     │  ▲         │  ▲
        s_axil ◄─► registers ◄────┘  │
                     └─► weight loader, where weights are RAM

    Latency: that of :class:`Accelerator`. Data are as wide as whole bytes take: an activation in
    the low bits of ``s_axis.tdata``, whose others are ignored, or W of them in as many bytes each,
    the first lowest; and a score, sign extended, in ``m_axis.tdata``. A frame that is too short or
    too long gives no scores and sets a bit of the
    register ERROR. See :mod:`bitrain.host.registers`.

    Members
    -------
    s_axis : In(signature), m_axis : Out(signature)
        AXI4-Stream.
    s_axil : In(signature)
        AXI4-Lite.
    class_index : Out(…), busy : Out(1), cycles : Out(32)
        As in the registers, for logic beside the accelerator.

    Beside them the traces of the accelerator, one for each engine, and where weights are streamed
    ``s_axis_weights``, or ``s_axis_weights0`` and so on for each engine: AXI4-Stream.
    """

    def __init__(self, engines: Engines):
        self.engines = engines
        self.accelerator = build_accelerator(engines, rewindable=True)
        self.registers = registers_of(engines)
        members = self.accelerator.signature.members
        pixel_bytes = -(-engines.activation_bits // 8)
        score_bytes = -(-engines.score_bits // 8)
        super().__init__(
            {
                "s_axis": In(axi_stream(8 * pixel_bytes * engines.array.width)),
                "m_axis": Out(axi_stream(8 * score_bytes)),
                "s_axil": In(axi_lite(address_bits(self.registers))),
                "class_index": Out(members["class_index"].shape),
                "busy": Out(1),
                "cycles": Out(32),
            }
            | {name: Out(members[name].signature) for name in engines.traces}
            | {
                f"s_axis_{name}": In(axi_stream(program.weight_beat))
                for name, program in zip(engines.weight_streams, engines.programs, strict=False)
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.accelerator = accelerator = self.accelerator
        width = self.engines.array.width
        m.submodules.guard = guard = FrameGuard(self.engines.network, width)
        m.submodules.registers = registers = AxiLiteRegisters(self.registers)

        # Streams.
        scores = accelerator.scores
        pixel = self.s_axis.tdata
        if width > 1:
            step = len(pixel) // width
            bits = self.engines.activation_bits
            pixel = Cat(pixel[i * step :][:bits] for i in range(width))
        m.d.comb += [
            guard.words.payload.pixel.eq(pixel),
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
        for name in self.engines.traces:
            wiring.connect(m, getattr(accelerator, name), wiring.flipped(getattr(self, name)))

        for name in self.engines.weight_streams:
            taken, port = getattr(accelerator, name), getattr(self, f"s_axis_{name}")
            m.d.comb += [
                taken.payload.data.eq(port.tdata),
                taken.payload.last.eq(port.tlast),
                taken.valid.eq(port.tvalid),
                port.tready.eq(taken.ready),
            ]

        # Registers.
        enable = Signal(init=ENABLE)
        fields = next(entry.fields for entry in self.registers if entry.name == "ERROR")
        errors = Signal(max(entry.low + entry.width for entry in fields))
        frames = Signal(32)
        length = Signal(range(self.engines.longest + 1), init=self.engines.longest)
        network = self.engines.network
        values = {
            "ID": IDENTIFICATION,
            "VERSION": map_version(self.registers),
            "CONTROL": enable,
            "STATUS": self.busy,
            "ERROR": errors,
            "STREAM_LENGTH": length,
            "CYCLES": self.cycles,
            "CLASS_INDEX": self.class_index,
            "FRAMES": frames,
            "PIXELS": beats(network.in_shape, width),
            "SCORES": network.num_scores,
            "SHORTEST": min(self.engines.prefixes),
            "FORMAT": format_word(self.engines),
        }
        written = {
            entry.name: registers.write & (registers.index == entry.offset // 4)
            for entry in self.registers
            if entry.access != "ro"
        }
        # Bits that the accelerator lacks are constants: in Verilog a part of a signal that never
        # changes stays unknown in some simulators.
        there = {entry.low for entry in fields}
        happened = [
            Signal(name=f"happened_{i}") if i in there else Const(0, 1) for i in range(len(errors))
        ]
        if self.engines.weights_writable:
            values |= self._weights(m, registers, written, happened)
        if self.engines.early_termination:
            values |= self._ladder(m, registers, written, happened)
        if self.engines.weights_streamed:
            errors_of = {"WEIGHTS_EARLY": "weights_early", "WEIGHTS_MISSING": "weights_missing"}
            m.d.comb += [
                happened[field("ERROR", name).low].eq(getattr(accelerator, member))
                for name, member in errors_of.items()
            ]
        m.d.comb += [
            registers.values[i].eq(values[entry.name]) for i, entry in enumerate(self.registers)
        ]
        wiring.connect(m, wiring.flipped(self.s_axil), registers.bus)
        m.d.comb += guard.enable.eq(enable)
        with m.If(scores.valid & scores.ready & scores.payload.last):
            m.d.sync += frames.eq(frames + 1)
        with m.If(written["CONTROL"] & registers.mask[0]):
            m.d.sync += enable.eq(registers.data)
        m.d.comb += [happened[0].eq(guard.early), happened[1].eq(guard.missing)]
        with m.If(written["STREAM_LENGTH"]):
            asked = (registers.data & registers.mask) | (length & ~registers.mask)
            with m.Switch(asked):
                with m.Case(*self.engines.prefixes):
                    m.d.sync += length.eq(asked)
                with m.Default():
                    m.d.comb += happened[2].eq(1)
        if self.engines.run_time_length:
            for i in range(len(length)):
                with m.If(length[i]):
                    m.d.comb += accelerator.log_length.eq(i)
        # What happens as a bit is cleared is kept.
        cleared = Signal.like(errors)
        with m.If(written["ERROR"]):
            m.d.comb += cleared.eq(registers.data & registers.mask)
        m.d.sync += errors.eq((errors & ~cleared) | Cat(happened))
        return m

    def _weights(
        self,
        m: Module,
        bus: AxiLiteRegisters,
        written: dict[str, Value],
        happened: list[Signal | Const],
    ) -> dict[str, Value | int]:
        """Loading of weights; what its registers hold."""
        m.submodules.loader = loader = WeightLoader(self.engines.programs[0])
        m.d.comb += [
            loader.busy.eq(self.busy),
            loader.seek.eq(written["WEIGHT_ADDRESS"]),
            loader.put.eq(written["WEIGHT_DATA"]),
            loader.data.eq(bus.data),
            loader.whole.eq(bus.mask.all()),
            happened[field("ERROR", "WEIGHTS").low].eq(loader.refused),
        ]
        wiring.connect(m, loader.write, self.accelerator.weight_write)
        return {
            "WEIGHT_ADDRESS": loader.address,
            "WEIGHT_DATA": 0,
            "WEIGHT_WORDS": loader.num_words,
        }

    def _ladder(
        self,
        m: Module,
        bus: AxiLiteRegisters,
        written: dict[str, Value],
        happened: list[Signal | Const],
    ) -> dict[str, Value | int]:
        """Early termination; what its registers hold."""
        lengths = sorted(self.engines.prefixes)[:-1]
        rungs = Signal.like(
            self.accelerator.rungs, init=rungs_after_reset(self.engines.programs[0])
        )
        chosen = Signal(range(max(2, len(lengths))))
        length = Signal(range(lengths[-1] + 1))
        refused = happened[field("ERROR", "LENGTH").low]
        rung = rungs[chosen]
        threshold_bits = len(rung.threshold)
        m.d.comb += [
            self.accelerator.rungs.eq(rungs),
            length.eq(lengths[0] << chosen),
        ]
        with m.If(written["LADDER_LENGTH"]):
            m.d.comb += refused.eq(1)
            for i, value in enumerate(lengths):
                with m.If(bus.mask.all() & (bus.data == value)):
                    m.d.comb += refused.eq(0)
                    m.d.sync += chosen.eq(i)
        with m.If(written["LADDER_MARGIN"]):
            with m.If(bus.mask.all() & ~bus.data[threshold_bits:-1].any()):
                m.d.sync += [rung.threshold.eq(bus.data), rung.run.eq(bus.data[-1])]
            with m.Else():
                m.d.comb += refused.eq(1)
        return {
            "LADDER_LENGTH": length,
            "LADDER_MARGIN": Cat(rung.threshold, Const(0, 31 - threshold_bits), rung.run),
            "LENGTHS_RUN": self.accelerator.lengths,
        }
