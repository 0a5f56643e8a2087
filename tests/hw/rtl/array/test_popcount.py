import random

import pytest
from bench_amaranth import simulate

from bitrain.rtl.array.popcount import PopulationCount


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 8, 16, 17, 33])
def test_counts_ones(width):
    dut = PopulationCount(width)
    rng = random.Random(width)
    exhaustive = range(1 << width) if width <= 8 else ()
    words = [*exhaustive, 0, (1 << width) - 1, *(rng.getrandbits(width) for _ in range(200))]

    async def testbench(ctx):
        for word in words:
            ctx.set(dut.bits, word)
            assert ctx.get(dut.count) == word.bit_count()

    simulate(dut, testbench, combinational=True)


@pytest.mark.parametrize("width", [1, 3, 17, 31, 32])
def test_pipelined_count_is_of_the_cycle_before(width):
    dut = PopulationCount(width, pipelined=True)
    rng = random.Random(width)
    words = [0, (1 << width) - 1, *(rng.getrandbits(width) for _ in range(100))]

    async def testbench(ctx):
        for word in words:
            ctx.set(dut.bits, word)
            await ctx.tick()
            ctx.set(dut.bits, 0)
            assert ctx.get(dut.count) == word.bit_count()

    simulate(dut, testbench)
