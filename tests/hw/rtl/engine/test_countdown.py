"""Countdowns: the last of each number of steps is told, however they come."""

import random

from bench_amaranth import simulate

from bitrain.rtl.engine.countdown import Countdown


def test_the_last_step_is_told():
    dut, rng = Countdown(3), random.Random(0)

    async def testbench(ctx):
        assert ctx.get(dut.last)  # of what is always the only step
        left = -1  # none, before the first restart
        for _ in range(2000):
            restart = left < 0 or rng.random() < 0.1
            step = rng.random() < 0.7 and (restart or left > 0 or rng.random() < 0.3)
            # A step that is the last is that of the restart: as a loop that begins again does it.
            restart |= bool(step and left == 0)
            most = rng.randrange(8)
            ctx.set(dut.most, most)
            ctx.set(dut.restart, restart)
            ctx.set(dut.step, step)
            await ctx.tick()
            left = most if restart else left - step
            assert ctx.get(dut.left) == left
            assert ctx.get(dut.last) == (left == 0)

    simulate(dut, testbench)
