"""Frames of any length: which pixels pass, which are called back, what is reported."""

import random

import pytest
from bench_amaranth import simulate
from networks import random_network

from bitrain.program import Array, Program
from bitrain.rtl.ports.frame_guard import FrameGuard

PROGRAM = Program(random_network(0, bits=3, lanes=1, in_shape=(1, 6, 6)), Array(lanes=1))
SIZE = 36


def run_guard(lengths, *, stalls=0.0, seed=0):
    """Images that came out whole, and the reports, of frames of ``lengths`` words."""
    dut = FrameGuard(PROGRAM.network)
    rng = random.Random(seed)
    frames = [[rng.randrange(9) for _ in range(length)] for length in lengths]
    images, reports, image = [], [], []

    async def drive(ctx):
        ctx.set(dut.enable, 1)
        for frame in frames:
            for i, pixel in enumerate(frame):
                while rng.random() < stalls:
                    ctx.set(dut.words.valid, 0)
                    await ctx.tick()
                ctx.set(dut.words.valid, 1)
                ctx.set(dut.words.payload, {"pixel": pixel, "last": i == len(frame) - 1})
                await ctx.tick().until(dut.words.ready)
        ctx.set(dut.words.valid, 0)
        await ctx.tick().repeat(2)

    async def stall(ctx):
        while True:
            ctx.set(dut.pixels.ready, rng.random() >= stalls)
            await ctx.tick()

    async def watch(ctx):
        async for _, _, valid, ready, pixel, rewind, early, missing in ctx.tick().sample(
            dut.pixels.valid,
            dut.pixels.ready,
            dut.pixels.payload,
            dut.rewind,
            dut.early,
            dut.missing,
        ):
            if valid and ready:
                image.append(pixel)
            if rewind:
                image.clear()
                reports.append("early" if early else "missing")
                assert early != missing
            if len(image) == SIZE:
                images.append(list(image))
                image.clear()

    simulate(dut, drive, background=[stall, watch])
    assert images == [frame for frame in frames if len(frame) == SIZE]
    wrong = [length for length in lengths if length != SIZE]
    assert reports == ["early" if length < SIZE else "missing" for length in wrong]


@pytest.mark.parametrize(
    "lengths",
    [
        [SIZE, SIZE],
        [1, SIZE, 1, 1, SIZE],
        [SIZE - 1, SIZE, SIZE + 1, SIZE],
        [2 * SIZE, SIZE],
        [3 * SIZE + 5, SIZE - 1, SIZE],
    ],
)
def test_only_whole_frames_become_images(lengths):
    run_guard(lengths)


@pytest.mark.parametrize("seed", range(4))
def test_random_frames_with_stalls(seed):
    rng = random.Random(seed)
    lengths = [rng.choice([SIZE, rng.randint(1, 3 * SIZE)]) for _ in range(8)]
    run_guard([*lengths, SIZE], stalls=0.4, seed=seed)


def test_no_frame_begins_while_disabled():
    dut = FrameGuard(PROGRAM.network)

    async def testbench(ctx):
        ctx.set(dut.pixels.ready, 1)
        ctx.set(dut.words.valid, 1)
        await ctx.tick().repeat(3)
        assert not ctx.get(dut.words.ready) and not ctx.get(dut.pixels.valid)
        ctx.set(dut.enable, 1)
        await ctx.tick().repeat(2)
        ctx.set(dut.enable, 0)
        assert ctx.get(dut.words.ready), "a frame that has begun goes on"
        await ctx.tick().repeat(SIZE - 3)
        ctx.set(dut.words.payload, {"pixel": 1, "last": 1})
        assert ctx.get(dut.words.ready) and ctx.get(dut.pixels.valid)
        await ctx.tick()
        assert not ctx.get(dut.words.ready)

    simulate(dut, testbench)
