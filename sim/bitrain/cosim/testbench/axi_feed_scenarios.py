"""Weights from cocotbext-axi's source of AXI4-Stream, in the place of the bench's own."""

from collections.abc import Iterator
from random import Random
from typing import Any

import cocotb
from cocotb import start_soon
from cocotb.task import Task
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiStreamBus, AxiStreamFrame, AxiStreamSource

from .axi_host import Registers, pauses
from .feed import BLOCKED, FEW, MOST_FRAMES, WeightSource
from .feed_scenarios import (
    BROKEN_SLOWNESS,
    MOST_BROKEN,
    SLOW,
    ScoreChecker,
    broken_frames,
    paused,
)
from .pins import read
from .session import Session

QUEUED = 2
"""Frames that wait to be sent."""


class ModelledSource:
    """Sends frames on one engine's stream, for ever, with random pauses."""

    def __init__(self, dut: Any, source: WeightSource, frames: Iterator[list[int]], random: Random):
        prefix = source.data._name.removesuffix("_tdata")
        self.clock, self.valid, self.ready = source.clock, source.valid, source.ready
        self.beats, self.size = source.beats, source.bits // 8
        self.frames = frames
        self.model: Any = AxiStreamSource(AxiStreamBus.from_prefix(dut, prefix), source.clock)
        self.model.set_pause_generator(pauses(random.choice(SLOW), random))
        self.origin: int | None = None
        self.blocked = 0
        self._task: Task[None] | None = None

    def stop(self) -> None:
        """Send nothing that has not begun."""
        if self._task:
            self._task.cancel()
        self._task = None
        self.model.clear()

    def start(self) -> None:
        """Send frames."""
        self.stop()
        self._task = start_soon(self._run())

    async def full(self) -> None:
        """Return when the buffer takes no more."""
        blocked = 0
        for _ in range(MOST_FRAMES * len(self.beats) * BROKEN_SLOWNESS + FEW):
            await RisingEdge(self.clock)
            waits = read(self.valid) == 1 and read(self.ready) != 1
            blocked = blocked + 1 if waits else 0
            if blocked >= BLOCKED:
                return

    async def _run(self) -> None:
        for frame in self.frames:
            octets = b"".join(beat.to_bytes(self.size, "little") for beat in frame)
            await self.model.send(AxiStreamFrame(octets))
            while self.model.count() >= QUEUED:
                await RisingEdge(self.clock)


@cocotb.test()
async def feed_modelled(dut):
    """Whole and broken frames of weights from a source that pauses at random, images too."""
    session = Session(dut, "feed_modelled")
    feed, random = session.pins.feed, session.random
    feed.slowness, feed.repeats = BROKEN_SLOWNESS, MOST_BROKEN
    errors: set[int] = set()
    images = [session.choose_image() for _ in SLOW]
    environment = paused(session, images, ScoreChecker(session.vectors, images))
    sources: list[Any] = [
        ModelledSource(dut, source, broken_frames(source.beats, random, errors), random)
        for source in feed.sources
    ]
    feed.sources = sources
    await environment.start()
    await environment.run()
    await feed.full()  # so that nothing broken is under way
    registers = Registers(session)
    found = await registers.read("ERROR")
    if found & ~sum(errors):
        environment.checker.violate(
            f"ERROR is {found:#x}, of frames that can cause {sum(errors):#x}"
        )
    session.report(environment.findings())
