"""The shell around the accelerator, in Amaranth's simulator: streams, flags, counters.

Models of the buses test it in the IP folder's bench (``tests/system/test_interfaces.py``).
"""

import numpy as np
import pytest
from bench_amaranth import simulate
from networks import random_images, random_network

from bitrain.golden import run
from bitrain.rtl import AxiAccelerator
from bitrain.rtl.axi import OKAY
from bitrain.spec import Array, Program, estimate, with_prefix
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
