"""How far the best two of a few scores lie apart."""

import random

import pytest
from amaranth.hdl import signed
from bench_amaranth import simulate

from bitrain.rtl.engine.score_margin import ScoreMargin


@pytest.mark.parametrize("seed", range(4))
def test_margin(seed):
    dut, rng = ScoreMargin(value_shape=signed(4)), random.Random(seed)

    async def testbench(ctx):
        for _ in range(60):
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            values = [rng.randrange(-8, 8) for _ in range(rng.randrange(1, 6))]
            for value in values:
                ctx.set(dut.valid, 1)
                ctx.set(dut.value, value)
                await ctx.tick()
                ctx.set(dut.valid, 0)
                ctx.set(dut.value, 7)
                if rng.random() < 0.5:
                    await ctx.tick()
            await ctx.tick()
            assert ctx.get(dut.single) == (len(values) < 2)
            if len(values) > 1:
                second, largest = sorted(values)[-2:]
                assert ctx.get(dut.margin) == largest - second

    simulate(dut, testbench)
