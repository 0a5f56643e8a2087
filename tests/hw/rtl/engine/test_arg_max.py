import random

from amaranth.hdl import signed
from bench_amaranth import simulate

from bitrain.rtl.engine.arg_max import ArgMax


def test_lowest_index_of_the_largest_value_in_any_order():
    dut = ArgMax(value_shape=signed(4), index_bits=3)
    rng = random.Random(0)

    async def testbench(ctx):
        for _ in range(200):
            ctx.set(dut.valid, 0)
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            values = [rng.randrange(-8, -4 if rng.random() < 0.3 else 8) for _ in range(8)]
            for index in rng.sample(range(8), 8):
                ctx.set(dut.valid, 1)
                ctx.set(dut.value, values[index])
                ctx.set(dut.index, index)
                await ctx.tick()
            assert ctx.get(dut.best) == values.index(max(values))

    simulate(dut, testbench)
