"""The shell around the accelerator, in Amaranth's simulator: streams, flags, counters.

Models of the buses test it in the IP folder's bench (``tests/system/test_interfaces.py``).
"""

import numpy as np
import pytest
from bench_amaranth import simulate
from networks import random_images, random_network, retrained

from bitrain.golden import run
from bitrain.rtl import AxiAccelerator, build_top
from bitrain.rtl.axi import OKAY
from bitrain.spec import (
    Array,
    BitrainError,
    Interface,
    Program,
    estimate,
    weight_image,
    with_prefix,
)
from bitrain.spec.registers import constants, register

NETWORK = random_network(4, bits=3, lanes=2, in_shape=(1, 4, 4))
ARRAY = Array(channels=2, positions=2, lanes=4)
NUMBERS = dict(constants())


async def read(ctx, bus, name: str) -> int:
    ctx.set(bus.araddr, NUMBERS[name])
    ctx.set(bus.arvalid, 1)
    ctx.set(bus.rready, 1)
    await ctx.tick().until(bus.arready)
    ctx.set(bus.arvalid, 0)
    value, response = await ctx.tick().sample(bus.rdata, bus.rresp).until(bus.rvalid)
    assert response == OKAY
    return value


async def write(ctx, bus, name: str, value: int) -> None:
    assert register(name).access != "ro"
    settings = {"awaddr": NUMBERS[name], "wdata": value, "wstrb": 15, "bready": 1}
    for signal, setting in settings.items():
        ctx.set(getattr(bus, signal), setting)
    ctx.set(bus.awvalid, 1)
    ctx.set(bus.wvalid, 1)
    await ctx.tick().until(bus.awready & bus.wready)
    ctx.set(bus.awvalid, 0)
    ctx.set(bus.wvalid, 0)
    await ctx.tick().until(bus.bvalid)


async def send(ctx, dut, words) -> None:
    for i, word in enumerate(words):
        ctx.set(dut.s_axis.tdata, word | 0x80)  # above the activation: ignored
        ctx.set(dut.s_axis.tlast, i == len(words) - 1)
        ctx.set(dut.s_axis.tvalid, 1)
        await ctx.tick().until(dut.s_axis.tready)
    ctx.set(dut.s_axis.tvalid, 0)


async def receive(ctx, dut) -> list[int]:
    scores, last, width = [], False, len(dut.m_axis.tdata)
    ctx.set(dut.m_axis.tready, 1)
    while not last:
        word, last = (
            await ctx.tick().sample(dut.m_axis.tdata, dut.m_axis.tlast).until(dut.m_axis.tvalid)
        )
        scores.append(word - (word >> (width - 1) << width))
    ctx.set(dut.m_axis.tready, 0)
    return scores


@pytest.mark.parametrize("run_time_length", [False, True])
def test_frames_and_registers(run_time_length):
    program = Program(NETWORK, ARRAY, run_time_length=run_time_length)
    dut = AxiAccelerator(program)
    images = random_images(NETWORK, len(program.prefixes))
    size = NETWORK.in_shape.size

    async def testbench(ctx):
        bus = dut.s_axil
        assert await read(ctx, bus, "PIXELS") == size
        assert await read(ctx, bus, "SHORTEST") == min(program.prefixes)
        await send(ctx, dut, [1] * (size - 1))
        await send(ctx, dut, [1] * (size + 1))
        assert await read(ctx, bus, "ERROR") == 3
        assert await read(ctx, bus, "STATUS") == 0
        for i, (length, image) in enumerate(zip(program.prefixes, images, strict=True)):
            await write(ctx, bus, "STREAM_LENGTH", length)
            assert await read(ctx, bus, "STREAM_LENGTH") == length
            await send(ctx, dut, image.ravel().tolist())
            assert await read(ctx, bus, "STATUS") == 1
            prefix = with_prefix(NETWORK, length)
            expected = run(prefix, image[None])[-1].ravel()
            assert await receive(ctx, dut) == expected.tolist()
            assert await read(ctx, bus, "CLASS_INDEX") == np.argmax(expected)
            cycles = estimate(prefix, ARRAY, run_time_length=run_time_length).cycles
            assert await read(ctx, bus, "CYCLES") == cycles
            assert await read(ctx, bus, "FRAMES") == i + 1
        await write(ctx, bus, "ERROR", 3)
        await write(ctx, bus, "STREAM_LENGTH", 3)
        assert await read(ctx, bus, "ERROR") == 4
        assert await read(ctx, bus, "STREAM_LENGTH") == min(program.prefixes)

    simulate(dut, testbench)


@pytest.mark.parametrize("run_time_length", [False, True])
@pytest.mark.parametrize("channels", [2, 9])
def test_weights_over_the_bus(channels, run_time_length):
    """Entries of one word and of two: another network, which is then what golden says of it."""
    array = Array(channels=channels, positions=1, lanes=4)
    program = Program(NETWORK, array, run_time_length=run_time_length, weights="ram")
    other = retrained(NETWORK, 1)
    dut = AxiAccelerator(program)
    (image,) = random_images(NETWORK, 1)
    words = weight_image(program, other).tolist()

    async def infer(ctx, network):
        await send(ctx, dut, image.ravel().tolist())
        assert await receive(ctx, dut) == run(network, image[None])[-1].ravel().tolist()

    async def testbench(ctx):
        bus = dut.s_axil
        assert await read(ctx, bus, "WEIGHT_WORDS") == len(words)
        await infer(ctx, NETWORK)
        for word in words:
            await write(ctx, bus, "WEIGHT_DATA", word)
        assert await read(ctx, bus, "WEIGHT_ADDRESS") == len(words)
        assert await read(ctx, bus, "ERROR") == 0
        await infer(ctx, other)
        for length in program.prefixes:
            await write(ctx, bus, "STREAM_LENGTH", length)
            await infer(ctx, with_prefix(other, length))
        # While an image is loaded, nothing is written.
        pixels = image.ravel().tolist()
        ctx.set(dut.s_axis.tvalid, 1)
        ctx.set(dut.s_axis.tlast, 0)
        ctx.set(dut.s_axis.tdata, pixels[0])
        await ctx.tick().until(dut.s_axis.tready)
        ctx.set(dut.s_axis.tvalid, 0)
        await write(ctx, bus, "WEIGHT_ADDRESS", 0)
        for _ in range(2):
            await write(ctx, bus, "WEIGHT_DATA", 0xFFFFFFFF)
        assert await read(ctx, bus, "ERROR") == 8
        assert await read(ctx, bus, "WEIGHT_ADDRESS") == 0
        await send(ctx, dut, pixels[1:])
        shortest = with_prefix(other, min(program.prefixes))
        assert await receive(ctx, dut) == run(shortest, image[None])[-1].ravel().tolist()

    simulate(dut, testbench)


def test_weights_need_a_bus():
    program = Program(NETWORK, ARRAY, weights="ram")
    with pytest.raises(BitrainError, match=r"the raw interface has no bus .* --interface axi"):
        build_top(program, Interface())
    build_top(program, Interface.usual("axi"))
