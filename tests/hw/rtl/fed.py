"""An accelerator in Amaranth's simulator whose weights come on a stream, and who sends them.

A sender offers the frames of its engine's weights one after the other. At a rate r < 1 it offers a
beat in the slots that ``cost.weight_stream`` names, counted from the cycle in which the first
image's last pixel is taken; before, as many as are taken. Or it pauses at random, and some frames
are cut short or go on too long.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal
from bench_amaranth import simulate

from bitrain.host.weight_stream import weight_beats
from bitrain.program import Program
from bitrain.rtl.ports.accelerator import Accelerator


@dataclass(frozen=True, kw_only=True)
class Supply:
    """How weights are offered."""

    rate: Fraction = Fraction(1)
    """Beats a cycle, at most."""
    pauses: float = 0.0
    """How likely nothing is offered in a cycle."""
    broken: float = 0.0
    """Share of frames that are too short or too long; if there are any, the first one is."""
    seed: int = 0

    @property
    def is_even(self) -> bool:
        """Whether cycles follow from the rate."""
        return not (self.pauses or self.broken)


@dataclass
class Answer:
    scores: list[int]
    class_index: int
    cycles: int
    taken: int
    """Cycle in which the image's last pixel was taken, counted from that of the first image."""


@dataclass
class Sender:
    """Sends frames of a program's weights for as long as the simulation lasts."""

    program: Program
    supply: Supply
    now: Signal
    """Number of the cycle."""
    origin: int | None = None
    """The cycle from which slots are counted."""
    is_full: bool = False
    """Whether something offered has had to wait: both halves of the buffer are full."""
    sent: Counter = field(default_factory=Counter)
    """Frames that were begun, by kind."""

    def __post_init__(self):
        self.rng = random.Random(self.supply.seed)
        self.beats = [int.from_bytes(bytes(beat), "little") for beat in weight_beats(self.program)]

    def frame(self) -> list[int]:
        """The next one: whole, too short, with another beginning, or too long."""
        beats, rng = self.beats, self.rng
        kind = "whole"
        if rng.random() < self.supply.broken or (self.supply.broken and not self.sent):
            kind = rng.choice(["short", "long"]) if len(beats) > 1 else "long"
        self.sent[kind] += 1
        if kind == "short":
            size = rng.randrange(1, len(beats))
            return beats[rng.randrange(len(beats) - size + 1) :][:size]
        return beats + beats[: rng.randrange(1, len(beats) + 1)] * (kind == "long")

    def offers(self, cycle: int) -> bool:
        """Whether a beat is offered from this cycle on, if none is."""
        rate = self.supply.rate
        if self.origin is not None and rate < 1:
            since = cycle - self.origin
            if (since + 1) * rate // 1 == since * rate // 1:
                return False
        return self.rng.random() >= self.supply.pauses

    async def send(self, ctx, port: Any) -> None:
        while True:
            frame = self.frame()
            for i, beat in enumerate(frame):
                while not self.offers(ctx.get(self.now)):
                    ctx.set(port.valid, 0)
                    await ctx.tick()
                ctx.set(port.valid, 1)
                ctx.set(port.payload.data, beat)
                ctx.set(port.payload.last, i == len(frame) - 1)
                taken = False
                while not taken:
                    taken = bool(ctx.get(port.ready))
                    self.is_full |= not taken and ctx.get(self.now) > 1
                    await ctx.tick()


def beats_of(image: np.ndarray, width: int) -> list[Any]:
    """Beats of an image: a pixel each, or W of a row."""
    if width == 1:
        return image.ravel().tolist()
    rows = image.reshape(-1, image.shape[-1])
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % width)))
    return rows.reshape(-1, width).tolist()


def run_fed(
    program: Program, images: np.ndarray, supply: Supply, *, lengths=(), rungs=()
) -> tuple[list[Answer], Counter]:
    """Answers for images that come as fast as they are taken; what broken frames set off.

    lengths: log2 of each image's stream length, where it is chosen at run time; rungs: of the early
    termination.
    """
    m = Module()
    m.submodules.dut = dut = Accelerator(program)
    now = Signal(32)
    m.d.sync += now.eq(now + 1)
    sender = Sender(program, supply, now)
    taken: list[int] = []
    answers: list[Answer] = []

    async def drive(ctx):
        while supply.is_even and not sender.is_full:
            await ctx.tick()
        if program.early_termination:
            ctx.set(dut.rungs, list(rungs))
        for i, image in enumerate(images):
            if lengths:
                ctx.set(dut.log_length, lengths[i])
            beats = beats_of(image, program.array.width)
            for number, beat in enumerate(beats):
                ctx.set(dut.pixels.payload, beat)
                ctx.set(dut.pixels.valid, 1)
                while not ctx.get(dut.pixels.ready):
                    await ctx.tick()
                if number == len(beats) - 1:
                    if sender.origin is None:
                        sender.origin = ctx.get(now)
                    taken.append(ctx.get(now) - sender.origin)
                await ctx.tick()
            ctx.set(dut.pixels.valid, 0)

    async def collect(ctx):
        for _ in images:
            scores, last = [], False
            ctx.set(dut.scores.ready, 1)
            while not last:
                (word,) = await ctx.tick().sample(dut.scores.payload).until(dut.scores.valid)
                scores.append(word.score)
                last = bool(word.last)
            ctx.set(dut.scores.ready, 0)
            class_index, cycles = ctx.get(dut.class_index), ctx.get(dut.cycles)
            answers.append(Answer(scores, class_index, cycles, taken[len(answers)]))

    happened: Counter = Counter()

    async def watch(ctx):
        async for _, _, early, missing in ctx.tick().sample(dut.weights_early, dut.weights_missing):
            happened.update(early=early, missing=missing)

    async def send(ctx):
        await sender.send(ctx, dut.weights)

    simulate(m, drive, collect, background=[send, watch])
    # Those at the end may not have come to theirs.
    assert 0 <= sender.sent["short"] - happened["early"] <= 1
    assert 0 <= sender.sent["long"] - happened["missing"] <= 1
    return answers, happened
