"""Source of the weight streams: what a memory outside of the accelerator does.

It sends the frame of a run again and again, at once or with pauses, whole or broken.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from cocotb import start_soon
from cocotb.simtime import get_sim_time
from cocotb.task import Task
from cocotb.triggers import RisingEdge

from .stalls import Stalls

PERIOD_NS = 10
BLOCKED = 3
"""Cycles for which a beat is not taken once the buffer is full."""
MOST_FRAMES, FEW = 40, 100
"""Frames, and cycles besides, after which a buffer is not waited for any more."""


def clock_cycle() -> int:
    """Number of the present clock cycle."""
    return round(get_sim_time("ns")) // PERIOD_NS


def read_beats(path: Path, bits: int) -> list[int]:
    """The beats of a run, as ``bitrain weights`` writes them."""
    octets = np.fromfile(path, np.uint8).reshape(-1, bits // 8)
    return [int.from_bytes(beat.tobytes(), "little") for beat in octets]


@dataclass
class WeightSource:
    """Drives the stream of one engine, if it has been started.

    Frames are those of ``frames``, which are whole ones of ``beats`` by default. ``stalls`` are
    random pauses; ``rate``, of beats a cycle, holds from ``origin`` on, a clock cycle: then a beat
    is offered in the cycles t after it with floor((t + 1) rate) > floor(t rate), or later, and
    stays until it is taken.
    """

    clock: Any
    data: Any
    valid: Any
    ready: Any
    last: Any
    """None where the mark is above the data."""
    beats: list[int]
    bits: int
    stalls: Stalls | None = None
    random: Random | None = None
    rate: Fraction = Fraction(1)
    origin: int | None = None
    frames: Callable[[], Iterator[list[int]]] | None = None
    blocked: int = 0
    """Cycles for which the beat that is offered has not been taken."""
    _task: Task[None] | None = None

    def stop(self) -> None:
        """Offer nothing; the next frame begins anew."""
        if self._task:
            self._task.cancel()
        self._task, self.blocked = None, 0
        self._offer(0, last=False)
        self.valid.value = 0

    def start(self) -> None:
        """Send frames, for ever."""
        self.stop()
        self._task = start_soon(self._run())

    async def full(self) -> None:
        """Return when the buffer takes no more, or has taken more than it can hold."""
        for _ in range(MOST_FRAMES * len(self.beats) + FEW):
            if self.blocked >= BLOCKED:
                return
            await RisingEdge(self.clock)

    async def _run(self) -> None:
        frames = self.frames() if self.frames else iter(lambda: self.beats, None)
        edge = RisingEdge(self.clock)
        for frame in frames:
            for i, beat in enumerate(frame):
                while self._pauses():
                    self.valid.value = 0
                    await edge
                self._offer(beat, last=i == len(frame) - 1)
                await edge
                while str(self.ready.value) != "1":
                    self.blocked += 1
                    await edge
                self.blocked = 0

    def _pauses(self) -> bool:
        """Whether nothing is offered in the cycle that begins now."""
        if self.stalls and self.random:
            return self.random.random() < self.stalls.probability
        if self.rate == 1 or self.origin is None:
            return False
        cycle = clock_cycle() + 1 - self.origin
        return (cycle + 1) * self.rate // 1 == cycle * self.rate // 1

    def _offer(self, beat: int, *, last: bool) -> None:
        self.valid.value = 1
        if self.last is None:
            beat |= last << self.bits
        else:
            self.last.value = int(last)
        self.data.value = beat


@dataclass
class Feed:
    """All weight streams of an accelerator; none where its weights lie inside."""

    sources: Sequence[WeightSource]
    runs: int = 1
    """Most runs of an image."""
    slowness: int = 1
    """How often the cycles of full rate may be needed, for what gives up."""
    repeats: int = 0
    """How often a run may begin again."""

    @classmethod
    def of(cls, dut, manifest: dict, folder: Path) -> "Feed":
        """Sources of the streams in a manifest, whose files lie in ``folder``."""
        clock = getattr(dut, manifest["ports"]["names"]["clock"])
        streams = manifest["weight_streams"]
        return cls(
            [
                WeightSource(
                    clock=clock,
                    beats=read_beats(folder / stream["file"], stream["bits"]),
                    bits=stream["bits"],
                    last=getattr(dut, names["last"]) if "last" in names else None,
                    **{role: getattr(dut, names[role]) for role in ("data", "valid", "ready")},
                )
                for stream, names in zip(streams, manifest["ports"]["weights"], strict=True)
            ],
            runs=len(manifest["lengths"]),
        )

    @property
    def most_cycles(self) -> int:
        """Cycles in which the weights of an image must have come."""
        beats = max((len(source.beats) for source in self.sources), default=0)
        return beats * self.runs * self.slowness

    @property
    def is_slow(self) -> bool:
        """Whether more than the accelerator itself keeps a beat back."""
        return self.slowness > 1

    def stop(self) -> None:
        """Offer nothing; next frames begin anew."""
        for source in self.sources:
            source.stop()

    def start(self) -> None:
        """Send frames on all streams, for ever."""
        for source in self.sources:
            source.start()

    async def full(self) -> None:
        """Return when no buffer takes any more, while the accelerator is idle."""
        for source in self.sources:
            source.blocked = 0
        for source in self.sources:
            await source.full()
