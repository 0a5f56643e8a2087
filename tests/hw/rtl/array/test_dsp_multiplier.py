import numpy as np
import pytest
from bench_amaranth import simulate

from bitrain.rtl.array.dsp_multiplier import DspMultiplier, factors_of_block


@pytest.mark.parametrize(("bits", "factors"), [(2, 1), (2, 2), (5, 2), (8, 1)])
def test_products(bits, factors):
    """A set of factors in every cycle, the largest among them; products a cycle later."""
    dut, rng = DspMultiplier(bits, factors), np.random.default_rng(0)
    numbers = rng.integers(0, (1 << bits) + 1, (200, 1 + factors))
    numbers[0], numbers[1, 0] = 1 << bits, 1 << bits

    async def testbench(ctx):
        for a, *b in numbers.tolist():
            ctx.set(dut.a, a)
            for i, factor in enumerate(b):
                ctx.set(dut.b[i], factor)
            await ctx.tick()
            assert list(ctx.get(dut.products)) == [a * factor for factor in b]

    simulate(dut, testbench)


def test_two_factors_have_room_up_to_five_bits():
    assert [factors_of_block(bits) for bits in range(2, 9)] == [2, 2, 2, 2, 1, 1, 1]
