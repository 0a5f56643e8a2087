import random

import pytest
from bench_amaranth import simulate

from bitrain.rtl.engine.max_pool import MaxPool


@pytest.mark.parametrize(("num_channels", "window"), [(1, 4), (3, 4), (4, 1), (2, 9)])
def test_running_maxima_of_channels_in_turn(num_channels, window):
    dut = MaxPool(num_channels=num_channels, bits=4)
    rng = random.Random(window)

    async def testbench(ctx):
        for _ in range(5):
            maxima = [0] * num_channels
            for i in range(window):
                for channel in range(num_channels):
                    while rng.random() < 0.3:  # garbage between values must not count
                        ctx.set(dut.valid, 0)
                        ctx.set(dut.value, 16)
                        await ctx.tick()
                    value = rng.randrange(17)
                    maxima[channel] = value if i == 0 else max(maxima[channel], value)
                    ctx.set(dut.valid, 1)
                    ctx.set(dut.first, i == 0)
                    ctx.set(dut.value, value)
                    assert ctx.get(dut.maximum) == maxima[channel]
                    await ctx.tick()

    simulate(dut, testbench)
