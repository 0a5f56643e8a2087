"""Scenarios of the AXI interface."""

import cocotb
from cocotb import start_soon
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiResp

from .axi_host import EARLY, LENGTH, MISSING, Host
from .session import Session
from .stalls import BURSTS, HEAVY, LIGHT, NONE

BROKEN_FRAMES = 6
"""Among the frames of the scenario of this name."""


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
    for name, value in host.registers.after_reset.items():
        await host.expect(name, value, "after reset")
    for name, value in {"CONTROL": 1, "STATUS": 0, "ERROR": 0, "FRAMES": 0}.items():
        await host.expect(name, value, "after reset")

    # A frame, and what is known of it afterwards.
    await host.send(images[0])
    await host.receive()
    await host.expect("FRAMES", 1, "after a frame")
    await host.expect("CYCLES", int(vectors.predicted_cycles[images[0]]), "after a frame")
    await host.expect("CLASS_INDEX", int(vectors.scores[images[0]].argmax()), "after a frame")

    # No frame begins without ENABLE, and one that has begun ends.
    await host.registers.write("CONTROL", 0)
    await host.send(images[1])
    await ClockCycles(clock, 2 * num_pixels)
    await host.expect("STATUS", 0, "while disabled")
    host.pause(BURSTS, NONE)
    await host.registers.write("CONTROL", 1)
    await _until(host, "STATUS", 1)
    await host.registers.write("CONTROL", 0)
    host.pause(NONE, NONE)
    await host.send(images[2])
    await host.receive()
    await ClockCycles(clock, 2 * num_pixels)
    await host.expect("STATUS", 0, "between frames, disabled")
    await host.expect("FRAMES", 2, "after two frames")
    await host.registers.write("CONTROL", 1)
    await host.receive()

    # Errors stay until they are cleared, each by itself.
    if num_pixels > 1:
        await host.send(images[0], words=num_pixels - 1)
        await host.source.wait()
        await host.expect("ERROR", EARLY, "after a short frame")
        await host.registers.write("ERROR", EARLY)
    await host.expect("ERROR", 0, "after clearing")
    await host.send(images[0], words=num_pixels + 2)
    await host.source.wait()
    await host.expect("ERROR", MISSING, "after a long frame")
    await host.registers.write("ERROR", EARLY | LENGTH)
    await host.expect("ERROR", MISSING, "after clearing the other bits")
    await host.registers.write("ERROR", MISSING)
    await host.expect("ERROR", 0, "after clearing")

    longest = host.registers.after_reset["STREAM_LENGTH"]
    await host.registers.choose_length(longest, longest, host.checker)

    # What is not there, what cannot be written, and bytes that are not meant.
    bus, offsets = host.registers.bus, host.registers.offsets
    beyond = max(offsets.values()) + 4
    responses = {
        "a read beyond the registers": (await bus.read(beyond, 4)).resp,
        "a write beyond the registers": (await bus.write(beyond, bytes(4))).resp,
        "a write to ID": await host.registers.write("ID", 0),
    }
    for what, response in responses.items():
        if response != AxiResp.SLVERR:
            host.checker.violate(f"{what} answers {response!r}")
    await _write_other_bytes(host, longest)
    await host.send(images[3])
    await host.receive()
    await host.expect("FRAMES", len(images), "at the end")


async def _write_other_bytes(host: Host, length: int) -> None:
    """Nothing comes from the bytes of a word that are not to be written."""
    registers, random = host.registers, host.session.random
    for byte in range(4):
        own = 0xFF << 8 * byte
        for others in (own ^ 0xFFFF_FFFF, random.getrandbits(32) & ~own):
            await registers.write_bytes("STREAM_LENGTH", length & own | others, 1 << byte)
            await host.expect("ERROR", 0, f"after byte {byte} of the length")
            await host.expect("STREAM_LENGTH", length, f"after its own byte {byte}")
    await registers.write_bytes("CONTROL", 0xFFFF_FFFE, 0b1110)
    await host.expect("CONTROL", 1, "after a write to its other bytes")
    await registers.write("STREAM_LENGTH", 0)
    await registers.write_bytes("ERROR", 0xFFFF_FFFF, 0b1110)
    await host.expect("ERROR", LENGTH, "after a write to its other bytes")
    await registers.write_bytes("ERROR", LENGTH | 0xFFFF_FF00, 0b0001)
    await host.expect("ERROR", 0, "after a write to its own byte")


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
    for handle in (host.registers.bus.write_if, host.registers.bus.read_if):
        await handle.wait()
    await host.expect("ERROR", errors, "after frames of wrong lengths")
    await host.expect("FRAMES", len(images), "after frames of wrong lengths")


async def _poll(host: Host) -> None:
    """Read registers in between, which must disturb nothing."""
    while True:
        await host.expect("ID", host.registers.after_reset["ID"], "now")
        await ClockCycles(host.session.pins.clock, host.session.random.randint(1, 20))


async def _until(host: Host, name: str, value: int) -> None:
    while await host.registers.read(name) != value:
        pass
