"""Random counts of a few pooling windows, and a step of what pools them."""

import numpy as np

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
