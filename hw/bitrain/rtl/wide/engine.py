"""The layer-program engine of width W: W inputs, W weights a channel and W results in a cycle."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from ..array.operands import OperandRegisters
from ..engine.engine import Engine
from ..engine.layouts import activation_shape, weight_reading, weight_write
from ..engine.loader import Loader
from ..engine.skid_buffer import SkidBuffer
from .banks import Banks, lane_of, rotated, write_layout
from .beats import BeatPlaces
from .output_stage import WideOutputStage
from .scores import ScoreBanks


class WideEngine(Engine):
    """Runs all layers of a program of width W > 1 on the image in its activation banks.

    As :class:`Engine`, with a RAM of W banks. Scores are judged one by one when all are there.

    Members
    -------
    load : In(1), load_activation : In(ArrayLayout(n + 1, W))
        Write a beat of pixels, while idle; after the last one comes the next image's first.
    rewind : In(1)
        The next beat is an image's first.
    start : In(1)
        Run.
    done : Out(1)
        The scores are there.
    score_step : In(1), score : Out(signed(score_bits))
        The first score is shown two cycles after ``done``, and the next one in the cycle after
        ``score_step``. In a part of a network they are beats of the last layer's activations,
        Out(ArrayLayout(n + 1, W)).
    store : Out(write)
        Trace of the write-back to the banks, from which layer ``layer`` says.
    layer : Out(1), class_index : Out(…), log_length : In(…), margin : Out(…), single : Out(1)
    weight_write : In(signature), weights : Out(signature)
        As of :class:`Engine`.
    """

    output_stage = WideOutputStage

    def __init__(self, program: Program):
        self.program = program
        network, width = program.network, program.width
        activation = activation_shape(network.bits)
        beat = data.ArrayLayout(activation, width)
        scores = max(2, network.num_scores)
        Component.__init__(
            self,
            {
                "load": In(1),
                "load_activation": In(beat),
                "rewind": In(1),
                "start": In(1),
                "done": Out(1),
                "score_step": In(1),
                "score": Out(signed(program.score_bits) if network.gives_scores else beat),
                "layer": Out(range(max(2, len(network.layers)))),
                "store": Out(write_layout(activation, program.address_bits, width)),
            }
            | ({"class_index": Out(range(scores))} if network.gives_scores else {})
            | (
                {"log_length": In(range(program.longest.bit_length()))}
                if program.run_time_length
                else {}
            )
            | (
                {"margin": Out(program.score_bits), "single": Out(1)}
                if program.early_termination
                else {}
            )
            | ({"weight_write": In(weight_write(program))} if program.weights_writable else {})
            | ({"weights": Out(weight_reading(program))} if program.weights_streamed else {}),
        )

    def _banks(self, parts: Sequence[int], ports: int) -> Banks:
        return Banks(
            shape=activation_shape(self.program.network.bits),
            parts=parts,
            address_bits=self.program.address_bits,
            width=self.program.width,
            ports=ports,
        )

    def _add_activations(self, m: Module) -> None:
        program = self.program
        ports = program.array.positions + program.has_shortcut
        m.submodules.activations = self._banks(program.activation_parts, ports)

    def _read(
        self,
        m: Module,
        loader: Loader,
        buffer: SkidBuffer,
        operands: OperandRegisters,
        writeback: Any,
    ) -> None:
        program, banks = self.program, m.submodules.activations
        for q in range(program.array.positions):
            shown = self._shown(m, loader, banks.numbers[q])
            m.d.comb += [
                banks.addresses[q].eq(loader.addresses[q]),
                banks.enables[q].eq(loader.enable),
            ]
            for lane, number in enumerate(rotated(shown, loader.rotations[q])):
                m.d.comb += [
                    buffer.element.activation[q][lane].eq(number),
                    operands.activation[q][lane].eq(
                        Mux(
                            buffer.first.inside[q][lane],
                            buffer.first.activation[q][lane],
                            self._outside(buffer, q, lane),
                        )
                    ),
                ]
        if program.has_shortcut:
            port = program.array.positions
            m.d.comb += [
                banks.addresses[port].eq(writeback.shortcut_addresses),
                banks.enables[port].eq(1),
                writeback.shortcut_activations.eq(banks.numbers[port]),
            ]

    def _stores(self, writeback: Any) -> list:
        return [self.store.eq(writeback.store)]

    def _write(self, m: Module) -> Any:
        program, network, width = self.program, self.program.network, self.program.width
        m.submodules.pixels = pixels = BeatPlaces(
            network.in_shape, width=width, address_bits=program.address_bits
        )
        m.d.comb += [pixels.step.eq(self.load), pixels.restart.eq(self.rewind)]
        place, store, write = pixels.present, self.store, m.submodules.activations.write
        stored = store.enable
        if not network.gives_scores:
            stored = Mux(self.layer == len(network.layers) - 1, 0, store.enable)
        exist = rotated([place.exist[i] for i in range(width)], -place.rotation)
        numbers = rotated(self.load_activation, -place.rotation)
        for bank in range(width):
            load = self.load & exist[bank]
            loaded = place.address + lane_of(bank, place.rotation)
            m.d.comb += [
                write.enable[bank].eq(load | stored[bank]),
                write.address[bank].eq(Mux(self.load, loaded, store.address[bank])),
                write.number[bank].eq(Mux(self.load, numbers[bank], store.number[bank])),
            ]
        if network.gives_scores:
            m.submodules.scores = scores = ScoreBanks(program)
        else:
            m.submodules.scores = scores = self._banks((program.output_depth,), 1)
        return scores

    def _keep_scores(self, m: Module, scores: Any, writeback: Any) -> None:
        network, width = self.program.network, self.program.width
        if isinstance(scores, ScoreBanks):
            judged = Signal()
            m.d.comb += [
                scores.write.eq(writeback.scores),
                scores.restart.eq(self.start | self.done),
                scores.step.eq(self.score_step | (judged & ~scores.last)),
                self.score.eq(scores.score),
                judged.eq(self._at_work_judging),
                self._judged.eq(judged & scores.last),
            ]
            self._judge(m, judged, scores.score, scores.index)
            return
        last = self.layer == len(network.layers) - 1
        m.submodules.beats = beats = BeatPlaces(
            network.layers[-1].out_shape, width=width, address_bits=self.program.address_bits
        )
        # The places are those of the beat to be read, which stays until the next is.
        place, rotation = beats.present, Signal(range(width))
        first, read = Signal(), Signal()
        m.d.sync += first.eq(self.done)
        m.d.comb += [
            scores.write.eq(self.store),
            scores.write.enable.eq(Mux(last, self.store.enable, 0)),
            read.eq(first | self.score_step),
            beats.restart.eq(self.start),
            beats.step.eq(read),
            scores.enables.eq(read),
        ]
        with m.If(read):
            m.d.sync += rotation.eq(place.rotation)
        for bank in range(width):
            m.d.comb += scores.addresses[0][bank].eq(place.address + lane_of(bank, place.rotation))
        for lane, number in enumerate(rotated(scores.numbers[0], rotation)):
            m.d.comb += self.score[lane].eq(number)

    def _end(self, m: Module) -> None:
        if self.program.network.gives_scores:
            m.next = "JUDGE"
        else:
            super()._end(m)

    def _judging(self, m: Module) -> None:
        if not self.program.network.gives_scores:
            return
        self._at_work_judging, self._judged = Signal(name="judging"), Signal(name="judged")
        with m.State("JUDGE"):
            m.d.comb += self._at_work_judging.eq(1)
            with m.If(self._judged):
                m.next = "COMPARE"
        with m.State("COMPARE"):  # the best two are known
            m.next = "MARGIN"
        with m.State("MARGIN"):
            m.next = "DONE"
        with m.State("DONE"):
            m.d.comb += self.done.eq(1)
            m.next = "IDLE"


def build_engine(program: Program) -> Engine:
    """The engine of a program, whatever its width is."""
    return Engine(program) if program.width == 1 else WideEngine(program)
