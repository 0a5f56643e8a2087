"""Monitors of the score stream, of ``busy`` and of the trace port.

A Python call per clock cycle would cost more than the simulation itself, so the monitors sleep
until ``valid`` changes, and look at every clock edge only while it is 1.
"""

from collections.abc import Callable, Iterator

from cocotb.triggers import Event, ReadOnly, RisingEdge, ValueChange

from .checker import Checker
from .pins import Pins, parts, read, width_of


class Port:
    """``valid`` of a stream or of the trace port, watched at little cost."""

    def __init__(self, clk, valid, checker: Checker):
        self._clock = RisingEdge(clk)
        self._change = ValueChange(valid)
        self._valid = valid
        self._checker = checker

    async def until_valid(self) -> None:
        """Return at the next clock edge at which ``valid`` is not 0."""
        while not await self.still_valid():
            await self._change

    async def still_valid(self) -> bool:
        """Whether ``valid``, or a bit of it, is 1 at the next clock edge."""
        await self._clock
        value = read(self._valid)
        if value is None:
            self._checker.violate(f"{self._valid._name} is unknown")
        return bool(value)


class TraceMonitor:
    """Hands every activation that an engine stores to the checker."""

    def __init__(self, pins: Pins, checker: Checker, engine: int):
        self.pins = pins
        self.checker = checker
        self.engine = engine

    async def run(self) -> None:
        """Watch for ever."""
        trace = self.pins.traces[self.engine]
        port = Port(self.pins.clock, trace.valid, self.checker)
        banks = width_of(trace.valid)
        while True:
            await port.until_valid()
            layer, valid = read(trace.layer), read(trace.valid) or 0
            addresses, numbers = (parts(handle, banks) for handle in (trace.address, trace.data))
            for bank in range(banks):
                if valid >> bank & 1:
                    place = layer, addresses[bank], numbers[bank]
                    self.checker.write(self.engine, *place, bank)


class BusyMonitor:
    """``busy`` is 1 from the clock edge that takes an image's first pixel to its last score's.

    It is looked at when it changes and when it should. ``begin`` and ``end`` are called at these
    clock edges.
    """

    def __init__(self, pins: Pins, checker: Checker):
        self.pins = pins
        self.checker = checker
        self.images = 0
        """At work."""
        self._moved = Event()

    def begin(self) -> None:
        """The first pixel of an image is taken."""
        self.images += 1
        self._moved.set()

    def end(self) -> None:
        """The last score of an image is taken, or the image is given up."""
        self.images -= 1
        self._moved.set()

    async def run(self) -> None:
        """Watch for ever what it changes to."""
        while True:
            await ValueChange(self.pins.busy)
            await self._look()

    async def follow(self) -> None:
        """Watch for ever whether it changes when it should."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            await self._look()

    async def _look(self) -> None:
        await ReadOnly()
        if read(self.pins.busy) != (expected := int(self.images > 0)):
            which = "an" if expected else "no"
            self.checker.violate(f"busy is not {expected} while {which} image is at work")


class ScoreMonitor:
    """Takes scores, with pauses, and hands them to the checker.

    ``on_offer`` is called at the clock edge at which an image's first score is offered first,
    ``on_end`` at that which takes the last.
    """

    def __init__(
        self,
        pins: Pins,
        checker: Checker,
        *,
        on_offer: Callable[[], None],
        on_end: Callable[[], None],
    ):
        self.pins = pins
        self.checker = checker
        self.on_offer = on_offer
        self.on_end = on_end
        self.port = Port(pins.clock, pins.score_valid, checker)

    async def take(self, num_scores: int, pauses: Iterator[int]) -> None:
        """Take the scores of one image; return at the clock edge that takes the last."""
        cycles = None
        for i in range(num_scores):
            word = await self._take_word(next(pauses), first=i == 0)
            self.checker.score(word, read(self.pins.class_index))
            shown = read(self.pins.cycles)
            cycles = shown if i == 0 else cycles
            if shown != cycles:
                self.checker.violate("the cycle counter moved while scores were offered")
        self.on_end()
        self.pins.score_ready.value = 0

    async def _take_word(self, pause: int, first: bool) -> int | None:
        pins = self.pins
        pins.score_ready.value = int(pause == 0)
        await self.port.until_valid()
        if first:
            self.on_offer()
        word = self._word()
        for left in reversed(range(pause)):
            pins.score_ready.value = int(left == 0)
            if not await self.port.still_valid():
                self.checker.violate("the score fell before the word was taken")
                await self.port.until_valid()
            if self._word() != word:
                self.checker.violate("the score changed before the word was taken")
        return word

    def _word(self) -> int | None:
        word = self.pins.score_word()
        if word is not None and not self.pins.is_sign_extended():
            self.checker.violate("a score is not sign extended to whole bytes")
        return word
