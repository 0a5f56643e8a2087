"""What every scenario needs: clock, reset, driver, monitors and checker around one accelerator."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from time import perf_counter

from cocotb import start_soon
from cocotb.clock import Clock
from cocotb.handle import Deposit
from cocotb.task import Task
from cocotb.triggers import (
    ClockCycles,
    FallingEdge,
    RisingEdge,
    SimTimeoutError,
    gather,
    with_timeout,
)

from .checker import Checker
from .driver import PixelDriver
from .feed import PERIOD_NS, clock_cycle
from .monitor import BusyMonitor, ScoreMonitor, TraceMonitor
from .pins import Pins, read, width_of
from .stalls import NONE, Stalls
from .vectors import Vectors

IDLE_CYCLES = 8
"""How long the accelerator is watched doing nothing."""
RANDOM_STATES = 12
"""In which registers are put before a reset."""


class Environment:
    """Runs ``images`` (numbers of vectors) through the accelerator and checks what comes out.

    ``stalls(i)``: how the pixel and the score stream pause during the i-th image. ``checker``: one
    of another kind than that which compares with the vectors. ``apart``: with weights that come
    from outside, each image waits until their buffer is full, so that it takes the cycles that it
    takes by itself; else only the first does.
    """

    def __init__(
        self,
        pins: Pins,
        vectors: Vectors,
        images: Sequence[int],
        random: Random,
        stalls: Callable[[int], tuple[Stalls, Stalls]] = lambda i: (NONE, NONE),
        *,
        checker: Checker | None = None,
        apart: bool = True,
    ):
        self.pins = pins
        self.vectors = vectors
        self.images = images
        self.random = random
        self.stalls = [stalls(i) for i in range(len(images))]
        self.apart = apart
        self.checker = checker or Checker(vectors, images)
        self.busy = BusyMonitor(pins, self.checker)
        self.driver = PixelDriver(pins, self.checker, random, on_begin=self.busy.begin)
        self.scores = ScoreMonitor(pins, self.checker, on_offer=self._offered, on_end=self.busy.end)
        self.loaded_at: list[int] = []
        """Clock cycle in which the last pixel of each image was taken."""
        self._first_cycle, self._started = clock_cycle(), perf_counter()

    async def start(self) -> None:
        """Start the clock and reset the accelerator; nobody is on the bus."""
        for handle in self.pins.bus_inputs:
            handle.value = 0
        self.pins.feed.stop()
        if self.pins.log_length is not None:  # the full length
            self.pins.log_length.value = 2 ** len(self.pins.log_length) - 1
        Clock(self.pins.clock, PERIOD_NS, unit="ns").start()
        await self._reset_states()
        await self.reset(cycles=2)

    async def reset(self, cycles: int = 1) -> None:
        """Reset, after which the accelerator must be idle."""
        self.driver.idle()
        self.pins.feed.stop()
        self.pins.score_ready.value = 0
        self.pins.reset.value = self.pins.reset_level
        self.busy.images = 0
        await ClockCycles(self.pins.clock, cycles)
        await FallingEdge(self.pins.clock)
        self._compare_registers()
        self.pins.reset.value = 1 - self.pins.reset_level
        self.pins.feed.start()
        await self._stay_idle("after reset")

    async def _reset_states(self) -> None:
        """From any state, a reset of one cycle sets all that it sets, where the simulator shows it.

        Memories whose contents matter may be written in such a state.
        """
        if not self.pins.registers or self.pins.keeps_contents:
            return
        random = Random(0)
        self.pins.reset.value = self.pins.reset_level
        for _ in range(RANDOM_STATES):
            await FallingEdge(self.pins.clock)
            for register, _ in self.pins.registers:
                register.value = Deposit(random.getrandbits(width_of(register)))
            await FallingEdge(self.pins.clock)
            self._compare_registers()

    def _compare_registers(self) -> None:
        for register, initial in self.pins.registers:
            if read(register) != initial:
                self.checker.violate(f"{register._path} is not {initial} after reset")

    async def interrupt(self, image: int, cycles: int) -> None:
        """Start an image and reset after so many cycles, whatever it has come to."""
        task = start_soon(self.driver.drive(self.vectors.pixels[image], NONE.pauses(self.random)))
        await ClockCycles(self.pins.clock, cycles)
        task.cancel()
        await self.reset()

    async def run(self) -> None:
        """Stream all images in and all scores out, after which the accelerator must be idle."""
        watching = self.watch()
        limit = sum(self._limit(*stalls) for stalls in self.stalls)
        try:
            await with_timeout(gather(self._drive(), self._take()), limit * PERIOD_NS, "ns")
            await self._stay_idle("after the last score")
        except SimTimeoutError:
            self.checker.violate(
                f"gave up after {limit} cycles with {len(self.loaded_at)} images taken and "
                f"{len(self.checker.cycles)} answered of {len(self.images)}"
            )
        for task in watching:
            task.cancel()
        if self.pins.feed.sources and self.apart and not self.pins.feed.is_slow:
            predicted = self.checker.vectors.predicted_cycles
            self.checker.check_cycles([int(predicted[image]) for image in self.images])
        self.checker.finish()

    def watch(self) -> list[Task[None]]:
        """Hand what the engines store to the checker, and watch ``busy``, for ever."""
        engines = range(len(self.pins.traces))
        traces = [TraceMonitor(self.pins, self.checker, engine) for engine in engines]
        watching = (self.busy.follow(), *(monitor.run() for monitor in (self.busy, *traces)))
        return [start_soon(each) for each in watching]

    def check_rate(self) -> None:
        """Images must come out and follow each other as predicted, if neither stream has paused."""
        if len(self.vectors.engines) > 1 or self.pins.feed.sources:
            self.checker.check_cycles(self.vectors.full_rate_cycles)
        for (first, second), predicted in zip(
            pairwise(self.loaded_at), self.vectors.full_rate_intervals, strict=False
        ):
            if second - first != predicted:
                self.checker.violate(
                    f"{second - first} cycles from image to image, predicted {predicted}"
                )

    def findings(self) -> dict:
        """What the checker found, and what it took, as JSON values."""
        return {
            **self.checker.summary(),
            "clock_cycles": clock_cycle() - self._first_cycle,
            "seconds": perf_counter() - self._started,
        }

    async def _drive(self) -> None:
        for number, (stalls, _) in zip(self.images, self.stalls, strict=True):
            if self.pins.feed.sources and (self.apart or not self.loaded_at):
                while read(self.pins.busy) != 0:
                    await RisingEdge(self.pins.clock)
                await self.pins.feed.full()
            await self.driver.drive(self.vectors.pixels[number], stalls.pauses(self.random))
            self.loaded_at.append(clock_cycle())
            for source in self.pins.feed.sources:
                source.origin = self.loaded_at[0]

    async def _take(self) -> None:
        for _, stalls in self.stalls:
            await self.scores.take(self.vectors.scores.shape[1], stalls.pauses(self.random))

    def _offered(self) -> None:
        position, shown = len(self.checker.cycles), read(self.pins.cycles)
        self.checker.offer(shown)
        if position >= len(self.loaded_at):
            self.checker.violate("scores are offered before their image was taken")
        elif shown != (counted := clock_cycle() - self.loaded_at[position] - 1):
            self.checker.violate(f"the cycle counter shows {shown} after {counted} cycles")

    async def _stay_idle(self, when: str) -> None:
        silent = {"score_valid": self.pins.score_valid, "busy": self.pins.busy}
        silent |= {f"trace {i}": trace.valid for i, trace in enumerate(self.pins.traces)}
        for _ in range(IDLE_CYCLES):
            await RisingEdge(self.pins.clock)
            for name, handle in silent.items():
                if read(handle) != 0:
                    self.checker.violate(f"{name} is not 0 {when}")
            if read(self.pins.pixel_ready) != 1:
                self.checker.violate(f"pixel_ready is not 1 {when}")

    def _limit(self, pixels: Stalls, scores: Stalls) -> int:
        """Twice the cycles that an image can take with these stalls."""
        vectors = self.vectors
        words = vectors.pixels.shape[1] * (1 + pixels.longest)
        words += vectors.scores.shape[1] * (1 + scores.longest)
        feed = self.pins.feed
        cycles = int(vectors.predicted_cycles.max()) * (1 + feed.repeats)
        return 2 * (words + feed.most_cycles + cycles + 100)
