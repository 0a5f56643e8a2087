"""Pixels become beats, none twice, whoever pauses."""

import random

import pytest
from banked import beats_of, wide_program
from bench_amaranth import simulate
from networks import random_images, random_network

from bitrain.rtl.wide.packer import PixelPacker


@pytest.mark.parametrize(("come", "go"), [(1, 1), (0.6, 1), (1, 0.6), (0.5, 0.5)])
@pytest.mark.parametrize(
    ("width", "columns"), [(2, 5), (2, 6), (4, 4), (4, 5), (4, 11), (8, 5), (8, 15)]
)
def test_pixels_become_beats(width, columns, come, go):
    network = random_network(1, lanes=4, in_shape=(2, 4, columns))
    dut = PixelPacker(wide_program(network, width, width, 1))
    images, rng = random_images(network, 2), random.Random(columns)
    pixels = images.ravel().tolist()
    expected = [beat for image in images for beat in beats_of(image, width)]
    found: list[list[int]] = []
    offered = []
    cycles = 0

    async def feed(ctx):
        for pixel in pixels:
            while rng.random() >= come:
                ctx.set(dut.pixels.valid, 0)
                await ctx.tick()
            ctx.set(dut.pixels.valid, 1)
            ctx.set(dut.pixels.payload, pixel)
            await ctx.tick().until(dut.pixels.ready)
        ctx.set(dut.pixels.valid, 0)

    async def take(ctx):
        nonlocal cycles
        while len(found) < len(expected):
            ctx.set(dut.beats.ready, rng.random() < go)
            _, _, valid, ready, beat = await ctx.tick().sample(
                dut.beats.valid, dut.beats.ready, dut.beats.payload
            )
            cycles += 1
            if valid:
                numbers = list(beat)[: len(expected[len(found)])]
                offered.append((len(found), numbers))
                if ready:
                    found.append(numbers)

    simulate(dut, feed, take)
    assert found == expected
    assert all(numbers == expected[i] for i, numbers in offered), "a beat changed while it waited"
    if come == go == 1:
        assert cycles == len(pixels)  # a beat comes with its last pixel
