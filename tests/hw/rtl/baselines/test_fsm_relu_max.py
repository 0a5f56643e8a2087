"""Neurons that fire by themselves and a machine that takes their maximum, against golden."""

import pytest
from bench_amaranth import simulate
from pooling_windows import LENGTH, WINDOWS, random_increments, restart, step

from bitrain.golden import fsm_max, pooled_fire
from bitrain.rtl.baselines.fsm_relu_max import FsmReluMax


@pytest.mark.parametrize("members", [2, 4])
def test_fsm_relu_max(members):
    increments, theta, half = random_increments(members), 8, 16
    each = pooled_fire(increments.reshape(-1, 1, LENGTH), theta, 0, theta + half - 1)
    expected = fsm_max(each.reshape(increments.shape), 3).sum(1)
    dut = FsmReluMax(
        members=members, increment_bits=4, state_bits=5, fsm_bits=3, threshold_bits=3, count_bits=5
    )

    async def drive(ctx):
        for window in range(WINDOWS):
            await restart(ctx, dut)
            for t in range(LENGTH):
                values = increments[window, :, t]
                await step(ctx, dut, dut.increments, values, pause=t % 5 == window)
            ctx.set(dut.step, 0)
            await ctx.tick()
            assert ctx.get(dut.count) == expected[window]

    simulate(dut, drive)
