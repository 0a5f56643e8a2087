import pytest
from bench_amaranth import simulate

from bitrain.rtl.array.multiplier import Multiplier


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_all_products(bits):
    """One pair of factors per cycle, each product a cycle later."""
    dut = Multiplier(bits)
    numbers = range((1 << bits) + 1)

    async def testbench(ctx):
        for a in numbers:
            for b in numbers:
                ctx.set(dut.a, a)
                ctx.set(dut.b, b)
                await ctx.tick()
                assert ctx.get(dut.product) == a * b

    simulate(dut, testbench)
