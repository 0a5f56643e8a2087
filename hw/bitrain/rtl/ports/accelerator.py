"""The accelerator: image stream in, score stream out."""

from collections.abc import Callable

from amaranth.hdl import Module, ResetInserter, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import Component, In, Out

from bitrain.program import Program
from bitrain.program.memory_map import beats

from ..engine.engine import Engine, score_shape
from ..engine.exit_points import ExitPoints
from ..engine.layouts import (
    activation_shape,
    rungs_after_reset,
    rungs_layout,
    weight_beat,
    weight_write,
    wide,
)
from ..engine.weight_buffer import WeightBuffer
from ..wide.engine import WideEngine, build_engine


class Accelerator(Component):
    r"""Takes an image pixel by pixel, runs the network, gives its scores one by one.

    ::

        pixels  ‾‾‾‾‾‾‾‾\_______________________________/‾‾‾
        busy    _/‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾\___
        scores  ______________________/‾‾‾‾‾‾‾‾\______
                        |◄── cycles ──►|

    Latency: ``cost.estimate(program).latency`` from the last pixel to the first score; with
    early termination, those of the networks of all its passes.

    Parameters
    ----------
    program
        The network compiled for an array; fixes ROM contents and all widths.
    engine
        What runs the layers; proofs put a model of its contract there.
    rewindable
        Whether an image may be given up while it is loaded.
    hosted
        Whether length and exits come from outside; else the length is the longest, and the exits
        are the network's.

    Members
    -------
    pixels : In(stream of n + 1 bits)
        Activations 0 … 2^n in C order (channel, row, column); W of a row in a beat, of which a
        row's last may have fewer, the first lowest.
    scores : Out(stream of {score, last})
        Signed scores in C order; ``last`` with the last of an image.
    class_index : Out(…)
        Index of the largest score, the lowest among equals; from the first score on. A part of a
        network has none, and gives its last layer's activations for scores, as pixels come.
    busy : Out(1)
        From an image's first pixel to its last score.
    cycles : Out(32)
        Cycles from the last pixel to the first score, of this image or the last.
    trace : Out(signature)
        Every activation that a layer stores: ``valid``, ``layer``, ``address``, ``data``; where
        W > 1, of each bank.
    rewind : In(1)
        The next pixel is an image's first; only while one is loaded. Only if rewindable.
    log_length : In(…)
        log2 of the stream length; counts as an image's last pixel is taken. Only if hosted and the
        program's length is chosen at run time.
    rungs : In(ArrayLayout(rung, …)), lengths : Out(…)
        As of :class:`ExitPoints`; only if the program has early termination, ``rungs`` if hosted.
        ``log_length`` is the longest, and ``cycles`` are those of all passes.
    weight_write : In(signature)
        Replace a weight word or a bias, while not ``busy``; only if the program's weights are RAM.
    weights : In(stream of {data, last}), weights_early : Out(1), weights_missing : Out(1)
        As ``beats``, ``early`` and ``missing`` of :class:`WeightBuffer`, a frame for each run; only
        if the program's weights are streamed. A run whose frame is broken begins again, and
        ``cycles`` go on.
    """

    def __init__(
        self,
        program: Program,
        engine: Callable[[Program], Engine] = build_engine,
        *,
        rewindable: bool = False,
        hosted: bool = True,
    ):
        self.program = program
        self.hosted = hosted
        self.engine = engine
        self.rewindable = rewindable
        network = program.network
        width, activation = program.width, activation_shape(network.bits)
        pixel, score = wide(activation, width), score_shape(program)
        self.num_beats = beats(network.in_shape, width)
        self.num_words = network.num_scores
        if not network.gives_scores:
            score, self.num_words = pixel, beats(network.layers[-1].out_shape, width)
        self.score_layout = data.StructLayout({"score": score, "last": 1})
        trace = wiring.Signature(
            {
                "valid": Out(width),
                "layer": Out(range(max(2, len(network.layers)))),
                "address": Out(wide(unsigned(program.address_bits), width)),
                "data": Out(pixel),
            }
        )
        super().__init__(
            {
                "pixels": In(stream.Signature(pixel)),
                "scores": Out(stream.Signature(self.score_layout)),
            }
            | (
                {"class_index": Out(range(max(2, network.num_scores)))}
                if network.gives_scores
                else {}
            )
            | {
                "busy": Out(1),
                "cycles": Out(unsigned(32)),
                "trace": Out(trace),
            }
            | ({"rewind": In(1)} if rewindable else {})
            | (
                {"log_length": In(range(program.longest.bit_length()))}
                if program.run_time_length and hosted
                else {}
            )
            | ({"rungs": In(rungs_layout(program))} if program.early_termination and hosted else {})
            | ({"lengths": Out(program.longest.bit_length())} if program.early_termination else {})
            | ({"weight_write": In(weight_write(program))} if program.weights_writable else {})
            | (
                {
                    "weights": In(stream.Signature(weight_beat(program))),
                    "weights_early": Out(1),
                    "weights_missing": Out(1),
                }
                if program.weights_streamed
                else {}
            )
        )

    def elaborate(self, platform):
        m = Module()
        engine, network = self.engine(self.program), self.program.network
        abort = Signal()  # the run at work has to begin again
        streamed = self.program.weights_streamed
        m.submodules.engine = ResetInserter(abort)(engine) if streamed else engine
        if streamed:
            m.submodules.weight_buffer = buffer = WeightBuffer(self.program)
            wiring.connect(m, wiring.flipped(self.weights), buffer.beats)
            wiring.connect(m, engine.weights, buffer.weights)
            m.d.comb += [
                abort.eq(buffer.abort),
                self.weights_early.eq(buffer.early),
                self.weights_missing.eq(buffer.missing),
            ]

        is_wide = isinstance(engine, WideEngine)
        # The word of pixels that comes next, and whether it is an image's last.
        pixel = Signal(range(max(2, self.num_beats)))
        last_pixel = Signal(init=self.num_beats == 1)
        score = Signal(range(max(2, self.num_words)))
        store = engine.store if is_wide else None
        m.d.comb += [
            engine.load.eq(self.pixels.valid & self.pixels.ready),
            *([] if is_wide else [engine.load_address.eq(pixel)]),
            engine.load_activation.eq(self.pixels.payload),
            *([] if is_wide else [engine.score_index.eq(score)]),
            self.scores.payload.score.eq(engine.score),
            self.scores.payload.last.eq(score == self.num_words - 1),
            *([self.class_index.eq(engine.class_index)] if network.gives_scores else []),
            self.trace.valid.eq(store.enable if store is not None else engine.store),
            self.trace.layer.eq(engine.layer),
            self.trace.address.eq(store.address if store is not None else engine.store_address),
            self.trace.data.eq(store.number if store is not None else engine.store_activation),
        ]
        log_length = Signal(range(self.program.longest.bit_length()), name="held_log_length")
        if self.program.early_termination:
            m.submodules.ladder = ladder = ExitPoints(self.program)
            limit, rungs = self._length_and_exits()
            m.d.comb += [
                ladder.limit.eq(limit),
                ladder.rungs.eq(rungs),
                ladder.margin.eq(engine.margin),
                ladder.single.eq(engine.single),
                self.lengths.eq(ladder.lengths),
            ]
            m.d.comb += engine.log_length.eq(ladder.log_length)
        else:
            ladder = None
            if self.program.run_time_length:
                with m.If(self.pixels.ready):
                    m.d.sync += log_length.eq(self.log_length)
                m.d.comb += engine.log_length.eq(log_length)
        if self.program.weights_writable:
            wiring.connect(m, wiring.flipped(self.weight_write), engine.weight_write)
        # That of the state in which pixels come, where much comes after it in the same cycle.
        loading = Signal(init=1)
        m.d.comb += self.pixels.ready.eq(loading)
        with m.FSM():
            with m.State("LOAD"):
                m.d.comb += self.busy.eq(pixel != 0)
                if ladder:
                    m.d.comb += ladder.restart.eq(1)
                with m.If(self.pixels.valid):
                    m.d.sync += [
                        pixel.eq(pixel + 1),
                        last_pixel.eq(pixel == max(0, self.num_beats - 2)),
                    ]
                    with m.If(last_pixel):
                        m.d.sync += [
                            pixel.eq(0),
                            last_pixel.eq(last_pixel.init),
                            loading.eq(0),
                            self.cycles.eq(0),
                        ]
                        m.next = "START"
                if self.rewindable:
                    with m.If(self.rewind):
                        m.d.sync += [pixel.eq(0), last_pixel.eq(last_pixel.init)]
                        if is_wide:
                            m.d.comb += engine.rewind.eq(1)
            with m.State("START"):
                # Not with the last pixel, which comes late in its cycle.
                m.d.comb += [self.busy.eq(1), engine.start.eq(1)]
                if ladder:
                    m.d.comb += ladder.next.eq(1)
                    m.d.sync += log_length.eq(ladder.log_length)
                m.d.sync += self.cycles.eq(self.cycles + 1)
                m.next = "RUN"
            if streamed:
                with m.State("AGAIN"):
                    m.d.comb += [self.busy.eq(1), engine.start.eq(1)]
                    if ladder:  # at the same length
                        m.d.comb += engine.log_length.eq(log_length)
                    m.d.sync += self.cycles.eq(self.cycles + 1)
                    m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += self.busy.eq(1)
                m.d.sync += [self.cycles.eq(self.cycles + 1), score.eq(0)]
                with m.If(engine.done):
                    m.next = "READ"
                if streamed:
                    with m.If(abort):
                        m.next = "AGAIN"
            with m.State("READ"):
                # The score RAM shows score 0 in the next cycle.
                m.d.comb += self.busy.eq(1)
                m.d.sync += self.cycles.eq(self.cycles + 1)
                m.next = "SEND"
                if ladder:
                    with m.If(ladder.again):
                        m.next = "START"
            with m.State("SEND"):
                m.d.comb += [self.busy.eq(1), self.scores.valid.eq(1)]
                with m.If(self.scores.ready):
                    # Read ahead: the next score must be there in the next cycle.
                    m.d.comb += (
                        engine.score_step.eq(1) if is_wide else engine.score_index.eq(score + 1)
                    )
                    m.d.sync += score.eq(score + 1)
                    with m.If(self.scores.payload.last):
                        m.d.sync += loading.eq(1)
                        m.next = "LOAD"
        return m

    def _length_and_exits(self) -> tuple[Value | int, data.View | data.Const]:
        """Log2 of the longest length, and the rungs of the shorter ones."""
        program = self.program
        if self.hosted:
            return self.log_length, self.rungs
        rungs = rungs_layout(program).const(rungs_after_reset(program))
        return program.longest.bit_length() - 1, rungs
