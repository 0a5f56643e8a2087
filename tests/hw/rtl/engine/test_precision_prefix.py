"""Descriptors of runs of fewer bits: only the cycles are others."""

import pytest
from bench_amaranth import simulate
from networks import random_network

from bitrain.program import Array, Program
from bitrain.rtl.engine.precision_prefix import PrecisionPrefix

NETWORK = random_network(1, bits=4, lanes=2)
PROGRAM = Program(
    NETWORK,
    Array(channels=2, positions=2, lanes=4, arithmetic="bitserial"),
    run_time_length=True,
)


@pytest.mark.parametrize(
    ("asked", "bits"), [(4, 4), (3, 3), (2, 2), (5, 4), (7, 4), (1, 2), (0, 2)]
)
def test_descriptors(asked, bits):
    """What lies beyond the lengths of the program counts as the nearest."""
    dut = PrecisionPrefix(PROGRAM)
    layout = dut.descriptor.shape()

    async def testbench(ctx):
        ctx.set(dut.log_length, asked)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        ctx.set(dut.log_length, 0)
        fields = {"right_shift": 3, "plane": 2, "last_cycle": 15}
        ctx.set(dut.descriptor, layout.const(fields))
        ctx.set(dut.restart, 1)
        await ctx.tick()
        ctx.set(dut.restart, 0)
        await ctx.tick()
        scaled = ctx.get(dut.scaled)
        assert (scaled.right_shift, scaled.plane) == (3, 2)
        assert scaled.last_cycle == bits**2 - 1
        assert ctx.get(dut.lost) == 4 - bits

    simulate(dut, testbench)
