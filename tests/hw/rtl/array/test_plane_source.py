import pytest
from bench_amaranth import simulate

from bitrain.rtl.array.plane_source import PlaneSource
from bitrain.spec import plane_pairs


@pytest.mark.parametrize("bits", range(2, 7))
def test_pairs(bits):
    """In their order, from any restart on; without a step nothing moves."""
    dut = PlaneSource(bits)
    pairs = plane_pairs(bits)

    def shown(ctx):
        lines = (ctx.get(dut.activation_lines), ctx.get(dut.weight_lines))
        assert all(line.bit_count() == 1 for line in lines)
        i, j = (bits - line.bit_length() for line in lines)
        assert ctx.get(dut.shift) == 2 * (bits - 1) - i - j
        return i, j

    async def testbench(ctx):
        for count in (bits**2, bits, 1):
            for number in range(count):
                assert shown(ctx) == pairs[number]
                ctx.set(dut.step, 0)
                await ctx.tick()
                assert shown(ctx) == pairs[number]
                ctx.set(dut.step, 1)
                ctx.set(dut.restart, number == count - 1)
                await ctx.tick()
            ctx.set(dut.restart, 0)

    simulate(dut, testbench)
