"""Elements pass in order, none twice, and without a gap where nobody waits."""

import random

import pytest
from bench_amaranth import simulate

from bitrain.program import Array
from bitrain.rtl.engine.skid_buffer import SkidBuffer

ARRAY = Array(channels=2, positions=3, lanes=1)


@pytest.mark.parametrize(("come", "go"), [(1, 1), (0.6, 1), (1, 0.6), (0.5, 0.5)])
def test_elements_leave_as_they_came(come, go):
    dut = SkidBuffer(ARRAY, bits=3)
    rng = random.Random(1)
    elements = [rng.getrandbits(len(dut.element.as_value())) for _ in range(100)]
    left = []
    cycles = 0

    async def feed(ctx):
        for element in elements:
            while rng.random() >= come:
                ctx.set(dut.valid, 0)
                await ctx.tick()
            ctx.set(dut.valid, 1)
            ctx.set(dut.element.as_value(), element)
            await ctx.tick().until(dut.ready)
        ctx.set(dut.valid, 0)

    async def take(ctx):
        nonlocal cycles
        while len(left) < len(elements):
            ctx.set(dut.taken, rng.random() < go)
            _, _, offered, taken, first = await ctx.tick().sample(
                dut.offered, dut.taken, dut.first.as_value()
            )
            cycles += 1
            if offered and taken:
                left.append(first)

    simulate(dut, feed, take)
    assert left == elements
    if come == go == 1:
        assert cycles <= len(elements) + 1


def test_who_waits_keeps_one_element_and_says_so():
    dut = SkidBuffer(ARRAY, bits=3)

    async def bench(ctx):
        ctx.set(dut.valid, 1)
        ctx.set(dut.element.as_value(), 5)
        assert ctx.get(dut.ready)
        await ctx.tick()
        ctx.set(dut.element.as_value(), 9)
        assert not ctx.get(dut.ready)
        assert ctx.get(dut.first.as_value()) == 5

    simulate(dut, bench)
