"""Scenarios of the AXI interface, with the models of the buses in cocotbext-axi.

A. Forencich, *cocotbext-axi*: sources and sinks of AXI4-Stream and a manager of AXI4-Lite that know
nothing of Bitrain.
"""

from collections.abc import Iterator
from random import Random

import cocotb
from cocotb import start_soon
from cocotb.triggers import ClockCycles, SimTimeoutError, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

from .environment import PERIOD_NS, Environment
from .monitor import TraceMonitor
from .pins import read
from .session import Session
from .stalls import BURSTS, HEAVY, LIGHT, NONE, Stalls

EARLY, MISSING, LENGTH = 1, 2, 4
"""Bits of the register ERROR."""
BROKEN_FRAMES = 6
"""Among the frames of the scenario of this name."""


class Host:
    """What stands on the other side of the three buses."""

    def __init__(self, session: Session, images: list[int]):
        self.session = session
        self.environment = Environment(session.pins, session.vectors, images, session.random)
        self.checker = self.environment.checker
        self._offsets = session.manifest["registers"]["offsets"]

    async def start(self) -> None:
        """Start the clock, reset, and connect the models."""
        dut, clock = self.session.dut, self.session.pins.clock
        await self.environment.start()
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), clock)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), clock)
        self.bus = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), clock)
        start_soon(TraceMonitor(self.session.pins, self.checker).run())

    def pause(self, pixels: Stalls, scores: Stalls) -> None:
        """Make both streams pause at random from now on."""
        random = self.session.random
        self.source.set_pause_generator(_pauses(pixels, random))
        self.sink.set_pause_generator(_pauses(scores, random))

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

    async def read(self, name: str) -> int:
        """Value of a register."""
        return int.from_bytes((await self.bus.read(self._offsets[name], 4)).data, "little")

    async def write(self, name: str, value: int) -> AxiResp:
        """Write a register."""
        return (await self.bus.write(self._offsets[name], value.to_bytes(4, "little"))).resp

    async def expect(self, name: str, value: int, when: str) -> None:
        """Read a register, which must hold ``value``."""
        if (got := await self.read(name)) != value:
            self.checker.violate(f"{name} is {got:#x} {when}, expected {value:#x}")

    async def finish(self, task) -> None:
        """Wait for the task, but not for ever; report."""
        cycles = self.session.vectors.predicted_image_cycles * (len(self.checker.images) + 4) * 50
        try:
            await with_timeout(task, cycles * PERIOD_NS, "ns")
        except SimTimeoutError:
            self.checker.violate(f"gave up after {cycles} cycles")
        self.checker.finish()
        self.session.report(self.environment.findings())


@cocotb.test()
async def registers(dut):
    """A host that reads and writes every register, and bits that it must not."""
    session = Session(dut, "registers")
    host = Host(session, [session.choose_image() for _ in range(4)])
    await host.start()
    await host.finish(start_soon(_use_registers(host)))


async def _use_registers(host: Host) -> None:
    vectors, images = host.session.vectors, host.checker.images
    num_pixels, clock = vectors.pixels.shape[1], host.session.pins.clock
    for name, value in host.session.manifest["registers"]["constants"].items():
        await host.expect(name, value, "after reset")
    for name, value in {"CONTROL": 1, "STATUS": 0, "ERROR": 0, "FRAMES": 0}.items():
        await host.expect(name, value, "after reset")

    # A frame, and what is known of it afterwards.
    await host.send(images[0])
    await host.receive()
    await host.expect("FRAMES", 1, "after a frame")
    await host.expect("CYCLES", vectors.predicted_cycles, "after a frame")
    await host.expect("CLASS_INDEX", int(vectors.scores[images[0]].argmax()), "after a frame")

    # No frame begins without ENABLE, and one that has begun ends.
    await host.write("CONTROL", 0)
    await host.send(images[1])
    await ClockCycles(clock, 2 * num_pixels)
    await host.expect("STATUS", 0, "while disabled")
    host.pause(BURSTS, NONE)
    await host.write("CONTROL", 1)
    await _until(host, "STATUS", 1)
    await host.write("CONTROL", 0)
    host.pause(NONE, NONE)
    await host.send(images[2])
    await host.receive()
    await ClockCycles(clock, 2 * num_pixels)
    await host.expect("STATUS", 0, "between frames, disabled")
    await host.expect("FRAMES", 2, "after two frames")
    await host.write("CONTROL", 1)
    await host.receive()

    # Errors stay until they are cleared, each by itself.
    if num_pixels > 1:
        await host.send(images[0], words=num_pixels - 1)
        await host.source.wait()
        await host.expect("ERROR", EARLY, "after a short frame")
        await host.write("ERROR", EARLY)
    await host.expect("ERROR", 0, "after clearing")
    await host.send(images[0], words=num_pixels + 2)
    await host.source.wait()
    await host.expect("ERROR", MISSING, "after a long frame")
    await host.write("ERROR", EARLY | LENGTH)
    await host.expect("ERROR", MISSING, "after clearing the other bits")
    await host.write("ERROR", MISSING)
    await host.expect("ERROR", 0, "after clearing")

    # What is not there, what cannot be written, and bytes that are not meant.
    offsets = host.session.manifest["registers"]["offsets"]
    beyond = max(offsets.values()) + 4
    responses = {
        "a read beyond the registers": (await host.bus.read(beyond, 4)).resp,
        "a write beyond the registers": (await host.bus.write(beyond, bytes(4))).resp,
        "a write to ID": await host.write("ID", 0),
    }
    for what, response in responses.items():
        if response != AxiResp.SLVERR:
            host.checker.violate(f"{what} answers {response!r}")
    await host.bus.write(offsets["CONTROL"] + 1, bytes(3))
    await host.expect("CONTROL", 1, "after a write to its other bytes")
    await host.send(images[3])
    await host.receive()
    await host.expect("FRAMES", len(images), "at the end")


@cocotb.test()
async def frames(dut):
    """Frames of right and wrong lengths in a row while all buses pause and registers are read."""
    session = Session(dut, "frames")
    host = Host(session, [session.choose_image() for _ in range(3)])
    await host.start()
    await host.finish(start_soon(_stream_frames(host)))


async def _stream_frames(host: Host) -> None:
    random, images = host.session.random, list(host.checker.images)
    num_pixels = host.session.vectors.pixels.shape[1]
    wrong = [words for words in (1, num_pixels // 2, num_pixels - 1) if 0 < words < num_pixels]
    wrong += [num_pixels + 1, 2 * num_pixels]
    lengths: list[int | None] = [random.choice(wrong) for _ in range(BROKEN_FRAMES)]
    lengths += [None] * len(images)
    random.shuffle(lengths)
    poll = start_soon(_poll(host))
    waiting = iter(images)
    for words in lengths:
        host.pause(*random.choice(((LIGHT, HEAVY), (HEAVY, BURSTS), (BURSTS, LIGHT))))
        await host.send(images[0] if words else next(waiting), words=words)
        if words is None:
            await host.receive()
    await host.source.wait()
    poll.cancel()
    sent = [words for words in lengths if words]
    errors = any(words < num_pixels for words in sent) * EARLY
    errors |= any(words > num_pixels for words in sent) * MISSING
    for handle in (host.bus.write_if, host.bus.read_if):
        await handle.wait()
    await host.expect("ERROR", errors, "after frames of wrong lengths")
    await host.expect("FRAMES", len(images), "after frames of wrong lengths")


async def _poll(host: Host) -> None:
    """Read registers in between, which must disturb nothing."""
    while True:
        await host.expect("ID", host.session.manifest["registers"]["constants"]["ID"], "now")
        await ClockCycles(host.session.pins.clock, host.session.random.randint(1, 20))


async def _until(host: Host, name: str, value: int) -> None:
    while await host.read(name) != value:
        pass


def _pauses(stalls: Stalls, random: Random) -> Iterator[bool]:
    """Whether a stream pauses, cycle by cycle."""
    for pause in stalls.pauses(random):
        yield from (True for _ in range(pause))
        yield False
