"""Places of beats, from the formula of the memory map."""

import random

import pytest
from banked import places
from bench_amaranth import simulate

from bitrain.rtl.wide.beats import BeatPlaces
from bitrain.spec import Shape

Beat = tuple[int, int, int]
"""Address, rotation and which pixels exist."""


def beats_of(shape: Shape, width: int) -> list[Beat]:
    banks, words = places(shape, width)
    found = []
    for c, y in [(c, y) for c in range(shape.channels) for y in range(shape.height)]:
        for x in range(0, shape.width, width):
            pixels = min(width, shape.width - x)
            first = int(words[c, y, x])
            for i in range(pixels):
                assert banks[c, y, x + i] == (c + i) % width and words[c, y, x + i] == first + i
            found.append((first, c % width, (1 << pixels) - 1))
    return found


def seen(ctx, place) -> Beat:
    return ctx.get(place.address), ctx.get(place.rotation), ctx.get(place.exist)


@pytest.mark.parametrize("width", [2, 4, 8])
@pytest.mark.parametrize(
    "shape", [(1, 5, 7), (3, 4, 8), (6, 2, 3), (5, 1, 1), (1, 1, 1), (9, 2, 17), (4, 3, 2)]
)
def test_image_after_image(shape, width):
    """Two images without a restart, some restarted in the middle or at the end, with pauses."""
    shape = Shape(*shape)
    dut = BeatPlaces(shape, width=width, address_bits=12)
    beats, rng = beats_of(shape, width), random.Random(width)

    async def testbench(ctx):
        index = 0
        passed = 0
        for _ in range(6 * len(beats) + 40):
            assert seen(ctx, dut.present) == beats[index]
            step = rng.random() < 0.8
            restart = passed > 2 * len(beats) and rng.random() < 2 / len(beats)
            ctx.set(dut.step, step)
            ctx.set(dut.restart, restart)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            passed += step
            index = 0 if restart else (index + step) % len(beats)

    simulate(dut, testbench)
