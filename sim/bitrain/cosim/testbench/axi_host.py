"""The other side of the AXI buses, as the models in cocotbext-axi play it.

A. Forencich, *cocotbext-axi*: sources and sinks of AXI4-Stream and a manager of AXI4-Lite that know
nothing of Bitrain.
"""

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

from cocotb import start_soon
from cocotb.triggers import RisingEdge, SimTimeoutError, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)
from cocotbext.axi.axil_channels import AxiLiteAWTransaction, AxiLiteWTransaction

from .checker import Checker
from .environment import Environment
from .feed import PERIOD_NS
from .pins import read
from .session import Session
from .stalls import Stalls

EARLY, MISSING, LENGTH, WEIGHTS = 1, 2, 4, 8
"""Bits of the register ERROR."""


class Registers:
    """The registers, by name."""

    def __init__(self, session: Session):
        self.offsets: dict[str, int] = session.manifest["registers"]["offsets"]
        """Addresses."""
        self.after_reset: dict[str, int] = session.manifest["registers"]["constants"]
        """What those hold that nothing but a write changes."""
        self.bus: Any = AxiLiteMaster(
            AxiLiteBus.from_prefix(session.dut, "s_axil"), session.pins.clock
        )

    async def read(self, name: str) -> int:
        """Value of a register."""
        return int.from_bytes((await self.bus.read(self.offsets[name], 4)).data, "little")

    async def write(self, name: str, value: int) -> AxiResp:
        """Write a register."""
        return (await self.bus.write(self.offsets[name], value.to_bytes(4, "little"))).resp

    async def write_bytes(self, name: str, word: int, strobes: int) -> None:
        """Write some bytes of a word, all of which is on the bus."""
        port: Any = self.bus.write_if
        address = AxiLiteAWTransaction(awaddr=self.offsets[name], awprot=0)
        await port.aw_channel.send(address)
        await port.w_channel.send(AxiLiteWTransaction(wdata=word, wstrb=strobes))
        await port.b_channel.recv()

    async def expect(self, name: str, value: int, when: str, checker: Checker) -> None:
        """Read a register, which must hold ``value``."""
        if (got := await self.read(name)) != value:
            checker.violate(f"{name} is {got:#x} {when}, expected {value:#x}")

    async def choose_length(self, length: int, longest: int, checker: Checker) -> None:
        """Write STREAM_LENGTH, after some values that it must refuse."""
        before = await self.read("STREAM_LENGTH")
        for refused in (0, 3 * length, 2 * longest):
            await self.write("STREAM_LENGTH", refused)
            await self.expect("ERROR", LENGTH, f"after length {refused}", checker)
            await self.expect("STREAM_LENGTH", before, f"after length {refused}", checker)
            await self.write("ERROR", LENGTH)
        await self.write("STREAM_LENGTH", length)
        await self.expect("STREAM_LENGTH", length, "after writing it", checker)
        await self.expect("ERROR", 0, f"after length {length}", checker)

    async def refuse(self, action: Awaitable[Any], error: int, what: str, checker: Checker) -> None:
        """Do something that must set a bit of ERROR, and clear it."""
        await self.expect("ERROR", 0, f"before {what}", checker)
        await action
        await self.expect("ERROR", error, f"after {what}", checker)
        await self.write("ERROR", error)

    async def run_whole(self, lengths: Sequence[int], checker: Checker) -> None:
        """Let no image leave early, whatever the accelerator has after reset."""
        await self.set_ladder({}, lengths, checker)

    async def set_ladder(
        self, margins: Mapping[int, int], lengths: Sequence[int], checker: Checker
    ) -> None:
        """Run images at the lengths that have a margin first, and at none of the others."""
        for length in lengths:
            margin = margins[length] | 1 << 31 if length in margins else 0
            await self.write("LADDER_LENGTH", length)
            await self.write("LADDER_MARGIN", margin)
            await self.expect("LADDER_LENGTH", length, "after writing it", checker)
            await self.expect("LADDER_MARGIN", margin, f"of length {length}", checker)
        await self.expect("ERROR", 0, "after all margins", checker)

    async def load_weights(self, image: list[int], first: int, checker: Checker) -> None:
        """Write a weight image, from its word ``first`` to its end, and then what lies before."""
        for start, words in ((first, image[first:]), (0, image[:first])):
            if not words:
                break
            await self.write("WEIGHT_ADDRESS", start)
            for word in words:
                await self.write("WEIGHT_DATA", word)
            await self.expect("WEIGHT_ADDRESS", start + len(words), "after a part", checker)
        await self.expect("ERROR", 0, "after loading", checker)


class Host:
    """What stands on the other side of the three buses."""

    def __init__(self, session: Session, images: list[int]):
        self.session = session
        given = session.pins, session.vectors, images, session.random
        self.environment = Environment(*given, checker=session.checker(images))
        self.checker = self.environment.checker

    async def start(self) -> None:
        """Start the clock, reset, and connect the models."""
        dut, clock = self.session.dut, self.session.pins.clock
        await self.environment.start()
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), clock)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), clock)
        self.registers = Registers(self.session)
        self.environment.watch()
        start_soon(self._follow())
        await self.session.pins.feed.full()

    async def _follow(self) -> None:
        """Tell what watches ``busy`` of frames that begin and end, for ever."""
        pins, busy = self.session.pins, self.environment.busy
        num_pixels, index, swallowed = self.session.vectors.pixels.shape[1], 0, False
        while True:
            await RisingEdge(pins.clock)
            if read(pins.pixel_valid) == 1 and read(pins.pixel_ready) == 1:
                last = read(pins.pixel_last) == 1
                if swallowed:
                    swallowed = not last
                else:
                    index += 1
                    if index == 1:
                        busy.begin()
                    if last != (index == num_pixels):  # too short or too long: dropped
                        busy.end()
                    swallowed = index == num_pixels and not last
                    index = 0 if last else index % num_pixels
            ends = pins.score_valid, pins.score_ready, pins.score_last
            if all(read(handle) == 1 for handle in ends):
                busy.end()

    def pause(self, pixels: Stalls, scores: Stalls) -> None:
        """Make both streams pause at random from now on."""
        random = self.session.random
        self.source.set_pause_generator(pauses(pixels, random))
        self.sink.set_pause_generator(pauses(scores, random))

    async def send(self, image: int, *, words: int | None = None) -> None:
        """Queue the image as a frame, cut or lengthened to so many words."""
        pixels = self.session.vectors.pixels[image].tolist()
        random = self.session.random
        if words is not None:
            more = words - len(pixels)
            pixels = pixels[:words] + [random.randrange(max(pixels) + 1) for _ in range(more)]
        size = len(self.session.pins.pixel_data) // 8
        data = b"".join(pixel.to_bytes(size, "little") for pixel in pixels)
        await self.source.send(AxiStreamFrame(data))

    async def receive(self) -> None:
        """Take a frame of scores and check it, with the cycles and the class."""
        frame = await self.sink.recv()
        pins, vectors = self.session.pins, self.session.vectors
        size, bits = len(pins.score_data) // 8, vectors.score_bits
        words = [frame.tdata[i : i + size] for i in range(0, len(frame.tdata), size)]
        scores = [int.from_bytes(word, "little", signed=True) for word in words]
        if len(scores) != vectors.scores.shape[1]:
            self.checker.violate(f"a frame of {len(scores)} scores")
            return
        self.checker.offer(read(pins.cycles))
        for i, score in enumerate(scores):
            if not -1 << bits - 1 <= score < 1 << bits - 1:
                self.checker.violate("a score is not sign extended to whole bytes")
            word = score & ((1 << bits) - 1) | (i == len(scores) - 1) << bits
            self.checker.score(word, read(pins.class_index))

    async def expect(self, name: str, value: int, when: str) -> None:
        """Read a register, which must hold ``value``."""
        await self.registers.expect(name, value, when, self.checker)

    async def finish(self, task) -> None:
        """Wait for the task, but not for ever; report."""
        vectors = self.session.vectors
        words = vectors.pixels.shape[1] + vectors.scores.shape[1]
        words += self.session.pins.feed.most_cycles
        longest = int(vectors.predicted_cycles.max())
        cycles = (words + longest) * (len(self.checker.images) + 4) * 50
        try:
            await with_timeout(task, cycles * PERIOD_NS, "ns")
        except SimTimeoutError:
            self.checker.violate(f"gave up after {cycles} cycles")
        self.checker.finish()
        self.session.report(self.environment.findings())


def pauses(stalls: Stalls, random: Random) -> Iterator[bool]:
    """Whether a stream pauses, cycle by cycle."""
    for pause in stalls.pauses(random):
        yield from (True for _ in range(pause))
        yield False
