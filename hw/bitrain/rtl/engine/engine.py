"""The layer-program engine: one array, its memories, and the loop over layers."""

from typing import Any

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program

from ..array.arrays import build_array
from ..array.mac_array import MacArray
from ..array.operands import OperandRegisters
from ..array.sign_correction import SignCorrection
from .arg_max import ArgMax
from .layouts import (
    activation_shape,
    descriptor_layout,
    stream_word_layout,
    weight_reading,
    weight_word,
    weight_write,
    wide,
)
from .loader import Loader
from .memories import ram, rom
from .output_stage import OutputStage
from .precision_prefix import PrecisionPrefix
from .score_margin import ScoreMargin
from .skid_buffer import SkidBuffer
from .skipping_control import SkippingControl
from .stream_constants import StreamConstants
from .stream_control import StreamControl
from .stream_prefix import StreamPrefix


def score_shape(program: Program) -> Shape:
    """A score, or an activation where a part of a network gives these."""
    gives_scores = program.network.gives_scores
    return signed(program.score_bits) if gives_scores else activation_shape(program.network.bits)


class Engine(Component):
    """Runs all layers of a program on the image in its activation RAM.

    ::

        program ROM ─► descriptor ─► loader ─► buffer ─► operands ─► array ─► write-back
                                      ▲   ▲                                       │
                        activation RAM┘   └weight ROM                  bias ROM ──┤
                              ▲───────────────────────────────────────────────────┤
                                                                  score RAM ◄─────┘

    In programs with a shortcut the write-back reads the activation RAM too; in those with a
    run-time length, the descriptor is that of a prefix; in those whose weights can be loaded, the
    weight ROM and the bias ROM are RAMs with these contents.

    Latency: ``done`` as many cycles after ``start`` as ``cost.estimate(...).latency`` says, less
    two.

    Members
    -------
    load : In(1), load_address : In(address), load_activation : In(n + 1)
        Write a pixel, while idle.
    start : In(1)
        Run.
    done : Out(1)
        The scores are there.
    score_index : In(…), score : Out(signed(score_bits))
        Score RAM, read in one cycle. In a part of a network it holds the last layer's activations,
        Out(n + 1), in the place of scores.
    class_index : Out(…)
        Index of the largest score, from ``done`` to the next image's; not in a part.
    layer : Out(…)
        The layer at work.
    store, store_address, store_activation : Out
        Trace of the write-back to the activation RAM.
    log_length : In(…)
        With ``start``, log2 of the stream length; only in programs that choose it at run time. What
        lies beyond the lengths that the program has counts as the nearest.
    margin : Out(…), single : Out(1)
        As :class:`ScoreMargin` gives them, the cycle before ``done``; only in programs with early
        termination.
    weight_write : In(signature)
        Replace an entry of the weight memory or the bias memory, while idle; only in programs whose
        weights are RAM.
    weights : Out(signature)
        Reads the weight buffer; only in programs whose weights are streamed.
    """

    def __init__(self, program: Program):
        self.program = program
        activation = activation_shape(program.network.bits)
        super().__init__(
            {
                "load": In(1),
                "load_address": In(program.address_bits),
                "load_activation": In(activation),
                "start": In(1),
                "done": Out(1),
                "score_index": In(range(max(2, program.network.num_scores))),
                "score": Out(score_shape(program)),
            }
            | (
                {"class_index": Out(range(max(2, program.network.num_scores)))}
                if program.network.gives_scores
                else {}
            )
            | {
                "layer": Out(range(max(2, len(program.network.layers)))),
                "store": Out(1),
                "store_address": Out(program.address_bits),
                "store_activation": Out(activation),
            }
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
            | ({"weights": Out(weight_reading(program))} if program.weights_streamed else {})
        )

    def elaborate(self, platform):
        m = Module()
        program, network = self.program, self.program.network
        m.submodules.loader = loader = Loader(program)
        m.submodules.buffer = buffer = SkidBuffer(
            program.array,
            bits=network.bits,
            padding_values=program.has_padding_values,
            skip_zeros=program.skip_zeros,
        )
        m.submodules.operands = operands = OperandRegisters(
            program.array, bits=network.bits, skip_zeros=program.skip_zeros
        )
        controls = SkippingControl if program.skip_zeros else StreamControl
        m.submodules.control = control = controls(program)
        m.submodules.array = array = build_array(program)
        m.submodules.writeback = writeback = self.output_stage(program)

        # The loop over layers.
        m.submodules.program = programs = rom(descriptor_layout(program), program.descriptor_words)
        fetch = programs.read_port()
        descriptor = data.View(descriptor_layout(program), fetch.data)
        restart = Signal()
        m.d.comb += fetch.addr.eq(self.layer)
        with m.FSM():
            with m.State("IDLE"):
                with m.If(self.start):
                    m.d.sync += self.layer.eq(0)
                    m.next = "FETCH"
            with m.State("FETCH"):
                m.d.sync += restart.eq(1)  # a register, as it goes far
                m.next = "RESTART"
            with m.State("RESTART"):
                m.d.sync += restart.eq(0)
                m.next = "RUN"
            with m.State("RUN"), m.If(writeback.finished):
                m.next = "FETCH"
                m.d.sync += self.layer.eq(self.layer + 1)
                with m.If(self.layer == len(network.layers) - 1):
                    self._end(m)
            self._judging(m)
        if program.run_time_length:
            shorter = StreamPrefix if program.array.rules.has_streams else PrecisionPrefix
            m.submodules.prefix = prefix = shorter(program)
            m.d.comb += [
                prefix.start.eq(self.start),
                prefix.log_length.eq(self.log_length),
                prefix.restart.eq(restart),
                prefix.descriptor.eq(descriptor),
                writeback.lost.eq(prefix.lost),
            ]
            descriptor = prefix.scaled

        # Activations and weights to the array.
        self._add_activations(m)
        m.d.comb += [
            loader.descriptor.eq(descriptor),
            loader.restart.eq(restart),
            loader.ready.eq(buffer.ready),
            buffer.valid.eq(loader.valid),
            operands.valid.eq(buffer.offered),
            buffer.taken.eq(operands.ready),
            operands.weight.eq(buffer.first.weight),
            buffer.element.inside.eq(loader.inside),
        ]
        word = self._read_weights(m, loader)
        m.d.comb += buffer.element.weight.eq(self._shown(m, loader, word))
        if program.has_padding_values:
            self._padding(m, loader, buffer)
        self._read(m, loader, buffer, operands, writeback)
        m.d.comb += [
            control.descriptor.eq(descriptor),
            control.full.eq(operands.full),
            operands.take.eq(control.take),
            *([array.restart.eq(control.take)] if "restart" in array.signature.members else []),
            array.step.eq(control.step),
            array.last.eq(control.last),
            array.activations.eq(operands.activations),
            array.weights.eq(operands.weights),
        ]

        if program.skip_zeros:
            m.submodules.negative_weights = negative_weights = SignCorrection(program)
            words = [operands.weight] if program.width == 1 else operands.weight
            m.d.comb += [
                control.zero.eq(operands.zero),
                operands.drop.eq(control.drop),
                negative_weights.arrive.eq(operands.valid & operands.ready),
                negative_weights.signs.eq(Cat(weight.sign for word in words for weight in word)),
                negative_weights.free.eq(control.take | control.drop),
                negative_weights.take.eq(control.take & ~operands.zero),
                negative_weights.done.eq(array.done),
                writeback.negatives.eq(negative_weights.negatives),
            ]
        if program.stream_layers:
            assert isinstance(array, MacArray) and isinstance(control, StreamControl)
            self._stream_mode(m, descriptor, restart, control, array)

        # Results to the memories.
        m.submodules.biases = bias_rom = rom(
            unsigned(program.bias_word_bits), program.bias_words, loadable=program.weights_writable
        )
        bias_port = bias_rom.read_port()
        m.d.comb += [
            writeback.descriptor.eq(descriptor),
            writeback.restart.eq(restart),
            writeback.done.eq(array.done),
            writeback.counts.eq(array.counts),
            bias_port.addr.eq(writeback.bias_address),
            writeback.bias.eq(bias_port.data),
            *self._stores(writeback),
        ]
        scores = self._write(m)
        if program.weights_writable:
            put = self.weight_write
            weight_in, bias_in = m.submodules.weights.write_port(), bias_rom.write_port()
            m.d.comb += [
                weight_in.en.eq(put.weight),
                weight_in.addr.eq(put.weight_address),
                weight_in.data.eq(put.word),
                bias_in.en.eq(put.bias),
                bias_in.addr.eq(put.bias_address),
                bias_in.data.eq(put.word),
            ]
        self._keep_scores(m, scores, writeback)
        return m

    # What an engine that is wider than one does otherwise.

    output_stage: Any = OutputStage

    def _add_activations(self, m: Module) -> None:
        """The activation RAM."""
        program = self.program
        shape = activation_shape(program.network.bits)
        m.submodules.activations = ram(shape, *program.activation_parts)

    def _read_weights(self, m: Module, loader: Loader) -> Value:
        """What the weight ROM shows, or the buffer outside."""
        program = self.program
        if program.weights_streamed:
            wiring.connect(m, loader.tile, wiring.flipped(self.weights.tile))
            m.d.comb += [
                self.weights.address.eq(loader.weight_address),
                self.weights.enable.eq(loader.enable),
            ]
            return Value.cast(self.weights.word)
        words = weight_word(program.array, program.network.bits)
        m.submodules.weights = weights = rom(
            words, program.weight_words, loadable=program.weights_writable
        )
        port = weights.read_port()
        m.d.comb += [port.addr.eq(loader.weight_address), port.en.eq(loader.enable)]
        return port.data

    def _shown(self, m: Module, loader: Loader, word: Value) -> Value:
        """What a memory shows, as it meets the loader's element: memories are slow."""
        shown = Signal.like(word, name="shown")
        with m.If(loader.enable):
            m.d.sync += shown.eq(word)
        return shown

    def _read(
        self,
        m: Module,
        loader: Loader,
        buffer: SkidBuffer,
        operands: OperandRegisters,
        writeback: Any,
    ) -> None:
        """Activations to the operands and to the shortcut."""
        activations = m.submodules.activations
        for q in range(self.program.array.positions):
            port = activations.read_port()
            m.d.comb += [
                port.addr.eq(loader.addresses[q]),
                port.en.eq(loader.enable),
                buffer.element.activation[q].eq(self._shown(m, loader, port.data)),
                operands.activation[q].eq(
                    Mux(
                        buffer.first.inside[q],
                        buffer.first.activation[q],
                        self._outside(buffer, q),
                    )
                ),
            ]
        if self.program.has_shortcut:
            shortcut_port = activations.read_port()
            m.d.comb += [
                shortcut_port.addr.eq(writeback.shortcut_address),
                writeback.shortcut_activation.eq(shortcut_port.data),
            ]

    def _stores(self, writeback: Any) -> list:
        """The trace of the write-back."""
        return [
            self.store.eq(writeback.store),
            self.store_address.eq(writeback.store_address),
            self.store_activation.eq(writeback.activation),
        ]

    def _write(self, m: Module) -> Any:
        """Pixels and results to the activation RAM; the score RAM."""
        program, network = self.program, self.program.network
        last = self.layer == len(network.layers) - 1
        write = m.submodules.activations.write_port()
        store = self.store if network.gives_scores else self.store & ~last
        m.d.comb += [
            write.en.eq(self.load | store),
            write.addr.eq(Mux(self.load, self.load_address, self.store_address)),
            write.data.eq(Mux(self.load, self.load_activation, self.store_activation)),
        ]
        m.submodules.scores = scores = ram(score_shape(program), network.num_scores)
        return scores

    def _keep_scores(self, m: Module, scores: Any, writeback: Any) -> None:
        """Scores, or what the last layer of a part stores, to their RAM."""
        network = self.program.network
        last = self.layer == len(network.layers) - 1
        score_write, score_read = scores.write_port(), scores.read_port()
        if network.gives_scores:
            stored = writeback.score_valid, writeback.score_index, writeback.score
        else:
            stored = self.store & last, self.store_address, self.store_activation
        m.d.comb += [
            score_write.en.eq(stored[0]),
            score_write.addr.eq(stored[1]),
            score_write.data.eq(stored[2]),
            score_read.addr.eq(self.score_index),
            self.score.eq(score_read.data),
        ]
        if network.gives_scores:
            self._judge(m, writeback.score_valid, writeback.score, writeback.score_index)

    def _end(self, m: Module) -> None:
        """What follows the last layer."""
        m.d.comb += self.done.eq(1)
        m.next = "IDLE"

    def _judging(self, m: Module) -> None:
        """States that follow it; none."""

    def _padding(self, m: Module, loader: Loader, buffer: SkidBuffer) -> None:
        """What elements are that stand around the map."""
        program = self.program
        m.submodules.padding = padding = rom(
            wide(activation_shape(program.network.bits), program.width), program.padding_words
        )
        port = padding.read_port()
        m.d.comb += [
            port.addr.eq(loader.padding_address),
            port.en.eq(loader.enable),
            buffer.element.padding.eq(self._shown(m, loader, port.data)),
        ]
        if program.skip_zeros:
            m.d.comb += buffer.element.occupied.eq(loader.occupied)

    def _outside(self, buffer: SkidBuffer, q: int, lane: int | None = None) -> Value | int:
        """What the element of position q is, or of W its input ``lane``, if it does not exist."""
        if not self.program.has_padding_values:
            return 0
        element = buffer.first
        padding = element.padding if lane is None else element.padding[lane]
        if not self.program.skip_zeros:
            return padding
        return Mux(element.occupied[q], padding, 0)

    def _judge(self, m: Module, valid: Value, score: Value, index: Value) -> None:
        """What is known of the scores besides themselves."""
        shape = signed(self.program.score_bits)
        m.submodules.arg_max = arg_max = ArgMax(value_shape=shape, index_bits=len(self.class_index))
        m.d.comb += [
            arg_max.clear.eq(self.start),
            arg_max.valid.eq(valid),
            arg_max.value.eq(score),
            arg_max.index.eq(index),
            self.class_index.eq(arg_max.best),
        ]
        if self.program.early_termination:
            m.submodules.score_margin = margin = ScoreMargin(value_shape=shape)
            m.d.comb += [
                margin.clear.eq(self.start),
                margin.valid.eq(valid),
                margin.value.eq(score),
                self.margin.eq(margin.margin),
                self.single.eq(margin.single),
            ]

    def _stream_mode(
        self,
        m: Module,
        descriptor: data.View,
        restart: Signal,
        control: StreamControl,
        array: MacArray,
    ) -> None:
        """What neurons that fire need beside the streams."""
        program = self.program
        words = stream_word_layout(program)
        m.submodules.stream_constants = constants = StreamConstants(program)
        m.submodules.stream_words = stream_rom = rom(words, program.stream_words)
        port = stream_rom.read_port()
        m.d.comb += [
            constants.descriptor.eq(descriptor),
            constants.restart.eq(restart),
            constants.tile_end.eq(array.tile_end),
            port.addr.eq(constants.address),
            constants.word.eq(port.data),
            array.descriptor.eq(descriptor),
            array.constants.eq(constants.constants),
            array.first.eq(control.first),
            array.emit.eq(control.emit),
            array.emit_first.eq(control.emit_first),
        ]
