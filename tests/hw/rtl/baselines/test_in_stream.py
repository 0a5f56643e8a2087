"""Pooling windows by themselves against golden, cycle by cycle."""

import numpy as np
import pytest
from bench_amaranth import simulate

from bitrain.golden import fsm_max, pooled_fire
from bitrain.rtl import FsmMax, FsmReluMax, PooledCounts, PooledFire

LENGTH, WINDOWS = 24, 4


def random_increments(members: int) -> np.ndarray:
    return np.random.default_rng(members).integers(-4, 6, (WINDOWS, members, LENGTH))


async def restart(ctx, dut) -> None:
    ctx.set(dut.step, 0)
    ctx.set(dut.restart, 1)
    await ctx.tick()
    ctx.set(dut.restart, 0)


async def step(ctx, dut, inputs, values, *, pause: bool) -> None:
    if pause:
        ctx.set(dut.step, 0)
        await ctx.tick()
    ctx.set(dut.step, 1)
    for port, value in zip(inputs, values, strict=True):
        ctx.set(port, int(value))
    await ctx.tick()


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


@pytest.mark.parametrize("width", [2, 3, 4])
@pytest.mark.parametrize("state_bits", [1, 3])
def test_fsm_max(width, state_bits):
    bits = np.random.default_rng(width).random((WINDOWS, width, LENGTH)) < 0.5
    expected = fsm_max(bits, state_bits)
    dut = FsmMax(width=width, state_bits=state_bits)

    async def drive(ctx):
        for window in range(WINDOWS):
            await restart(ctx, dut)
            for t in range(LENGTH):
                ctx.set(dut.step, 1)
                word = sum(int(bit) << i for i, bit in enumerate(bits[window, :, t]))
                ctx.set(dut.bits, word)
                assert ctx.get(dut.maximum) == expected[window, t]
                await ctx.tick()

    simulate(dut, drive)


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
