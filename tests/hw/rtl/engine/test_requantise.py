import numpy as np
import pytest
from bench_amaranth import simulate

from bitrain.rtl.engine.requantise import Requantise


@pytest.mark.parametrize(
    ("accumulator_bits", "left_shift", "bits"), [(12, 0, 5), (10, 3, 4), (4, 0, 5), (16, 2, 8)]
)
def test_clips_and_shifts(accumulator_bits, left_shift, bits):
    dut = Requantise(
        accumulator_bits=accumulator_bits, left_shift=left_shift, right_shift_bits=4, bits=bits
    )
    half = 1 << (accumulator_bits - 1)
    rng = np.random.default_rng(0)
    inputs = [-half, -1, 0, 1, half - 1, *rng.integers(-half, half, 60).tolist()]

    async def testbench(ctx):
        for right_shift in (0, 1, 5, 15):
            ctx.set(dut.right_shift, right_shift)
            expected = [min(max((a << left_shift) >> right_shift, 0), 1 << bits) for a in inputs]
            for i in range(len(inputs) + 2):
                ctx.set(dut.accumulator, inputs[i] if i < len(inputs) else 0)
                if i >= 2:  # latency
                    assert ctx.get(dut.activation) == expected[i - 2]
                await ctx.tick()

    simulate(dut, testbench)
