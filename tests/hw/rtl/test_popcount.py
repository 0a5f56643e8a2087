import random

import pytest
from bench_amaranth import simulate

from bitrain.rtl import PopulationCount


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
