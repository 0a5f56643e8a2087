"""The finite state machine that takes the maximum of streams, against golden."""

import numpy as np
import pytest
from bench_amaranth import simulate
from pooling_windows import LENGTH, WINDOWS, restart

from bitrain.golden import fsm_max
from bitrain.rtl.baselines.fsm_max import FsmMax


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
