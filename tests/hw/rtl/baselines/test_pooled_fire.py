"""Fires of a pooling window against golden, cycle by cycle."""

import numpy as np
import pytest
from bench_amaranth import simulate
from pooling_windows import LENGTH, WINDOWS, random_increments, restart, step

from bitrain.golden import pooled_fire
from bitrain.rtl.baselines.pooled_fire import PooledFire


@pytest.mark.parametrize("members", [1, 3, 4])
@pytest.mark.parametrize("threshold_bits", [2, 3])
@pytest.mark.parametrize(
    ("state_bits", "floor"), [(10, None), (4, None), (5, None), (5, 0)], ids=str
)
def test_pooled_fire(members, state_bits, floor, threshold_bits):
    increments, half = random_increments(members), 1 << state_bits - 1
    theta = 1 << threshold_bits
    low = theta - half if floor is None else floor
    expected = pooled_fire(increments, theta, low, theta + half - 1)
    if state_bits == 10:
        assert np.array_equal(expected, pooled_fire(increments, theta))
    dut = PooledFire(
        members=members,
        increment_bits=4,
        state_bits=state_bits,
        threshold_bits=threshold_bits,
        count_bits=LENGTH.bit_length(),
        saturating=state_bits < 10,
        floor=floor,
    )

    async def drive(ctx):
        for window in range(WINDOWS):
            await restart(ctx, dut)
            for t in range(LENGTH):
                values = increments[window, :, t]
                await step(ctx, dut, dut.increments, values, pause=t % 5 == window)
                assert ctx.get(dut.fire) == expected[window, t]
                assert ctx.get(dut.count) == expected[window, : t + 1].sum()

    simulate(dut, drive)


def test_thresholds_beyond_the_state_are_refused():
    with pytest.raises(ValueError, match="states of 3 bits cannot hold"):
        PooledFire(members=1, increment_bits=2, state_bits=3, threshold_bits=3, count_bits=2)
