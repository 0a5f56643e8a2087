"""The largest activation of a pooling window so far, cycle by cycle."""

import pytest
from bench_amaranth import simulate
from pooling_windows import LENGTH, WINDOWS, random_increments, restart, step

from bitrain.rtl.baselines.pooled_counts import PooledCounts


@pytest.mark.parametrize("members", [1, 3, 4])
def test_pooled_counts(members):
    increments = random_increments(members)
    dut = PooledCounts(members=members, increment_bits=4, sum_bits=9, shift=2, bits=3)

    async def drive(ctx):
        for window in range(WINDOWS):
            await restart(ctx, dut)
            for t in range(LENGTH):
                values = increments[window, :, t]
                await step(ctx, dut, dut.increments, values, pause=t % 5 == window)
                sums = increments[window, :, : t + 1].sum(1)
                assert ctx.get(dut.maximum) == min(max(sums.max() >> 2, 0), 8)

    simulate(dut, drive)
