"""Frames of the serial link, byte by byte, with a stand-in for the accelerator.

The whole, at the pins, is simulated in tests/sim/cosim/test_serial.py.
"""

import numpy as np
import pytest
from bench_amaranth import simulate

from bitrain.host import LinkError, SerialLink
from bitrain.rtl.ports.serial_frames import SerialFrames

GAP = 40
CLASS, CYCLES, SCORES = 3, 0x12345678, [-700, 5, 699]


@pytest.fixture(params=[4, 8], ids=["pixels of one byte", "pixels of two bytes"])
def link(request) -> SerialLink:
    return SerialLink(bits=request.param, num_pixels=5, num_scores=3, score_bits=11)


def converse(link: SerialLink, events) -> tuple[list[int], bytes, int]:
    """Pixels taken, bytes sent and resets, for events: bytes, "error" or cycles to rest."""
    dut = SerialFrames(link, gap_cycles=GAP)
    pixels, answer, aborts = [], bytearray(), 0

    async def drive(ctx):
        ctx.set(dut.class_index, CLASS)
        ctx.set(dut.cycles, CYCLES)
        for event in events:
            if isinstance(event, int):
                await ctx.tick().repeat(event)
                continue
            for byte in [0] if event == "error" else event:
                strobe = dut.byte_error if event == "error" else dut.byte_valid
                ctx.set(dut.byte, byte)
                ctx.set(strobe, 1)
                await ctx.tick()
                ctx.set(strobe, 0)
                await ctx.tick().repeat(2)
        await ctx.tick().repeat(3 * link.reply_bytes + 20)

    async def accelerate(ctx):
        """Scores from the start on, the next whenever one is taken."""

        def offer(index: int) -> None:
            ctx.set(dut.scores.payload.score, SCORES[index])
            ctx.set(dut.scores.payload.last, index == len(SCORES) - 1)

        index = 0
        ctx.set(dut.scores.valid, 1)
        offer(index)
        async for _, _, taken in ctx.tick().sample(dut.scores.ready):
            index = (index + taken) % len(SCORES)
            offer(index)

    async def transmit(ctx):
        """A byte every other cycle."""
        ready = 0
        async for _, _, valid, byte in ctx.tick().sample(dut.bytes.valid, dut.bytes.payload):
            if valid and ready:
                answer.append(byte)
            ready = 1 - ready
            ctx.set(dut.bytes.ready, ready)

    async def watch(ctx):
        nonlocal aborts
        async for _, _, abort, valid, pixel in ctx.tick().sample(
            dut.abort, dut.pixels.valid, dut.pixels.payload
        ):
            aborts += abort
            if valid:
                pixels.append(pixel)

    simulate(dut, drive, background=[accelerate, transmit, watch])
    return pixels, bytes(answer), aborts


def image(link: SerialLink) -> np.ndarray:
    return np.array([0, 1 << link.bits, 1, 2, 0])


def check_answered(link: SerialLink, frame: bytes) -> None:
    reply = link.reply(frame)
    request = link.request(image(link))
    assert (reply.of, reply.class_index, reply.cycles) == (request[-1], CLASS, CYCLES)
    assert reply.scores.tolist() == SCORES


def test_an_image(link):
    _, answer, aborts = converse(link, [b"\x00\x5a", link.request(image(link))])
    check_answered(link, answer)
    assert aborts == 0


def test_pixels_arrive(link):
    pixels, _, _ = converse(link, [link.request(image(link))])
    assert pixels == image(link).tolist()


@pytest.mark.parametrize("what", ["flipped", "cut", "error"])
def test_broken_requests_are_refused_and_the_next_is_answered(link, what):
    request = link.request(image(link))
    broken = {
        "flipped": [request[:-1] + bytes([request[-1] ^ 4])],
        "cut": [request[:-2], GAP + 2],
        "error": [request[:2], "error"],
    }[what]
    _, answer, aborts = converse(link, [*broken, 20, request])
    with pytest.raises(LinkError, match="did not arrive"):
        link.reply(answer[:3])
    check_answered(link, answer[3:])
    assert aborts == 1


def test_a_rest_just_short_of_the_gap(link):
    request = link.request(image(link))
    _, answer, _ = converse(link, [request[:2], GAP - 5, request[2:]])
    check_answered(link, answer)
