"""Several accelerators in a row, each with a part of the network's layers."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import Component, In, Out

from bitrain.accelerator import Engines

from .accelerator import Accelerator


class PipelinedAccelerator(Component):
    """Takes an image pixel by pixel and gives its scores, with an image in each engine.

    ::

        pixels ─► engine 0 ─► engine 1 ─► … ─► scores

    Latency: ``Engines.cost.latency`` from the last pixel to the first score, and as long as the
    image waits for those before it.

    Parameters
    ----------
    engines
        The parts of a network, compiled for an array each.
    rewindable
        Whether an image may be given up while it is loaded.

    Members
    -------
    pixels : In(stream), scores : Out(stream)
    class_index : Out(…), cycles : Out(32), rewind : In(1)
        As of :class:`Accelerator`.
    busy : Out(1)
        An image is in an engine.

    Beside them ``trace0``, ``trace1`` and so on: the trace of each engine, whose ``layer`` counts
    its own layers; and, where weights are streamed, ``weights0`` and so on, ``weights_early`` and
    ``weights_missing``, these two of any engine.
    """

    def __init__(self, engines: Engines, *, rewindable: bool = False):
        self.engines = [
            Accelerator(program, rewindable=rewindable and i == 0)
            for i, program in enumerate(engines.programs)
        ]
        first, last = self.engines[0].signature.members, self.engines[-1].signature.members
        self.score_layout = self.engines[-1].score_layout
        super().__init__(
            {
                "pixels": In(first["pixels"].signature.flip()),
                "scores": Out(last["scores"].signature),
                "class_index": Out(last["class_index"].shape),
                "busy": Out(1),
                "cycles": Out(unsigned(32)),
            }
            | {
                name: engine.signature.members["trace"]
                for name, engine in zip(engines.traces, self.engines, strict=True)
            }
            | ({"rewind": In(1)} if rewindable else {})
            | {
                name: engine.signature.members["weights"]
                for name, engine in zip(engines.weight_streams, self.engines, strict=False)
            }
            | {
                name: Out(1)
                for name in ("weights_early", "weights_missing")
                if engines.weights_streamed
            }
        )
        self.weight_streams = engines.weight_streams

    def elaborate(self, platform):
        m = Module()
        first, *_, last = self.engines
        busy = Signal(len(self.engines))
        for i, engine in enumerate(self.engines):
            m.submodules[f"engine{i}"] = engine
            m.d.comb += busy[i].eq(engine.busy)
            trace = getattr(self, f"trace{i}")
            wiring.connect(m, engine.trace, wiring.flipped(trace))
        wiring.connect(m, wiring.flipped(self.pixels), first.pixels)
        wiring.connect(m, last.scores, wiring.flipped(self.scores))
        if "rewind" in self.signature.members:
            m.d.comb += first.rewind.eq(self.rewind)
        for name, engine in zip(self.weight_streams, self.engines, strict=False):
            wiring.connect(m, wiring.flipped(getattr(self, name)), engine.weights)
        if self.weight_streams:
            m.d.comb += [
                self.weights_early.eq(Cat(engine.weights_early for engine in self.engines).any()),
                self.weights_missing.eq(
                    Cat(engine.weights_missing for engine in self.engines).any()
                ),
            ]

        # An image's age moves on with it: cycles since its last pixel was taken.
        age = first.cycles
        for i, (engine, following) in enumerate(pairwise(self.engines)):
            given = engine.scores
            m.d.comb += [
                following.pixels.payload.eq(given.payload.score),
                following.pixels.valid.eq(given.valid),
                given.ready.eq(following.pixels.ready),
            ]
            waited = Signal(32, name=f"waited{i}")
            before = Signal(32, name=f"before{i}")
            m.d.sync += waited.eq(0)
            with m.If(given.valid):
                m.d.sync += waited.eq(waited + 1)
            with m.If(given.valid & given.ready & given.payload.last):
                m.d.sync += before.eq(age + waited + 1)
            age = before + following.cycles
        m.d.comb += [
            self.class_index.eq(last.class_index),
            self.cycles.eq(age),
            self.busy.eq(busy.any()),
        ]
        return m
