import random

import pytest
from bench_amaranth import simulate

from bitrain.rtl import OperandRegisters
from bitrain.spec import Array

BITS = 3


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize(("channels", "positions", "lanes"), [(2, 3, 4), (1, 2, 1)])
def test_chunks_arrive_in_lane_order(channels, positions, lanes, gaps):
    dut = OperandRegisters(Array(channels=channels, positions=positions, lanes=lanes), bits=BITS)
    rng = random.Random(lanes)
    num_chunks = 7
    elements = [
        ([rng.randrange(9) for _ in range(positions)], [rng.randrange(32) for _ in range(channels)])
        for _ in range(num_chunks * lanes)
    ]
    taken = []

    async def feed(ctx):
        for xs, ws in elements:
            while gaps and rng.random() < 0.4:
                ctx.set(dut.valid, 0)
                await ctx.tick()
            ctx.set(dut.valid, 1)
            for q, x in enumerate(xs):
                ctx.set(dut.activation[q], x)
            for p, w in enumerate(ws):
                ctx.set(dut.weight[p].as_value(), w)
            await ctx.tick().until(dut.ready)
        ctx.set(dut.valid, 0)

    async def take(ctx):
        cycles = 0
        for chunk in range(num_chunks):
            while not ctx.get(dut.full) or (gaps and rng.random() < 0.6):
                await ctx.tick()
                cycles += 1
            ctx.set(dut.take, 1)
            await ctx.tick()
            cycles += 1
            ctx.set(dut.take, 0)
            if not gaps:  # a chunk every N cycles
                assert cycles == (chunk + 1) * lanes + 1
            for j in range(lanes):
                xs, ws = elements[chunk * lanes + j]
                assert [ctx.get(dut.activations[q][j]) for q in range(positions)] == xs
                assert [ctx.get(dut.weights[p][j].as_value()) for p in range(channels)] == ws
            taken.append(chunk)

    simulate(dut, feed, take)
    assert len(taken) == num_chunks
