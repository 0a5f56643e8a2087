"""Addresses and phases of the channels that leave, from the formula of the memory map."""

from itertools import product

import numpy as np
import pytest
from banked import places
from bench_amaranth import simulate

from bitrain.rtl.wide.channel_words import ChannelWords
from bitrain.spec import Shape

BASE = 5
PLAIN = [(1, 7, 0), (1, 1, 8), (1, 12, 0)]
ALIGNED = [(3, 8, 0), (2, 16, 8)]
SHIFTED = [(1, 5, 3), (4, 1, 0), (3, 3, 0), (2, 7, 5), (3, 6, 1), (5, 9, 7)]
CASES = [
    *((False, False, case) for case in PLAIN),
    *((True, False, case) for case in ALIGNED),
    *((True, True, case) for case in SHIFTED),
    (False, True, SHIFTED[0]),
]


@pytest.mark.parametrize("pauses", [False, True])
@pytest.mark.parametrize(("width", "channels"), [(2, 2), (2, 6), (4, 4), (4, 8), (8, 8)])
@pytest.mark.parametrize(("grouped", "phases", "case"), CASES)
def test_words_of_each_step(*, grouped, phases, case, width, channels, pauses):
    """``case``: groups, channels of each, and channels that lie before the first.

    ``channels``: P.
    """
    groups, size, before = case
    pixels, rng = Shape(groups * size, 3, 2), np.random.default_rng(width)
    banks, words = (each[:, 0, 0] for each in places(pixels, width, BASE, before))
    dut = ChannelWords(address_bits=10, width=width, groups=grouped, phases=phases)

    async def testbench(ctx):
        ctx.set(dut.plane, pixels.plane)
        for positions in (1, 3, 2):  # layers
            ctx.set(dut.base, BASE + before // width * pixels.plane)
            ctx.set(dut.group_step, size // width * pixels.plane)
            ctx.set(dut.first_phase, before % width)
            ctx.set(dut.group_phase, size % width)
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            tiles = range(0, size, channels)
            for group, tile, position, turn in product(
                range(groups), tiles, range(positions), range(0, channels, width)
            ):
                member = tile + turn
                while pauses and rng.random() < 0.3:
                    for name in ("position_end", "tiles_end", "group_end"):
                        ctx.set(getattr(dut, name), int(rng.integers(2)))
                    await ctx.tick()
                if member < size:
                    channel = group * size + member
                    assert ctx.get(dut.address) == words[channel]
                    assert ctx.get(dut.phase) == banks[channel]
                ctx.set(dut.step, 1)
                position_end = turn == channels - width
                ctx.set(dut.position_end, position_end)
                ctx.set(dut.tiles_end, position_end and position == positions - 1)
                ctx.set(dut.group_end, grouped and member + width >= size)
                await ctx.tick()
                ctx.set(dut.step, 0)

    simulate(dut, testbench)
