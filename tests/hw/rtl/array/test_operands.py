import random

import pytest
from bench_amaranth import simulate

from bitrain.program import Array
from bitrain.rtl.array.operands import OperandRegisters

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


@pytest.mark.parametrize("lanes", [1, 3])
def test_zeros_are_found_and_may_be_dropped(lanes):
    """A chunk is dropped or taken, at once or later; zeros that are taken have no signs."""
    array = Array(channels=2, positions=2, lanes=lanes)
    dut = OperandRegisters(array, bits=BITS, skip_zeros=True)
    rng = random.Random(lanes)
    chunks = []
    for _ in range(40):
        zero = rng.random() < 0.5
        xs = [[0 if zero else rng.randrange(3) for _ in range(2)] for _ in range(lanes)]
        chunks.append((xs, [[rng.randrange(32) for _ in range(2)] for _ in range(lanes)]))

    async def feed(ctx):
        for element in (pair for chunk in chunks for pair in zip(*chunk, strict=True)):
            while rng.random() < 0.3:
                ctx.set(dut.valid, 0)
                await ctx.tick()
            ctx.set(dut.valid, 1)
            for q, x in enumerate(element[0]):
                ctx.set(dut.activation[q], x)
            for p, w in enumerate(element[1]):
                ctx.set(dut.weight[p].as_value(), w)
            await ctx.tick().until(dut.ready)
        ctx.set(dut.valid, 0)

    judged = []

    async def judge(ctx):
        for xs, ws in chunks:
            while not ctx.get(dut.full) or rng.random() < 0.3:
                await ctx.tick()
            zero = not any(map(any, xs))
            assert ctx.get(dut.zero) == zero
            before = ctx.get(dut.weights.as_value())
            name = rng.choice(["take", "drop"])
            judged.append((name, zero))
            ctx.set(getattr(dut, name), 1)
            await ctx.tick()
            ctx.set(getattr(dut, name), 0)
            if name == "drop":
                assert ctx.get(dut.weights.as_value()) == before
                continue
            assert [[ctx.get(dut.activations[q][j]) for q in range(2)] for j in range(lanes)] == xs
            expected = [[w & (15 if zero else 31) for w in pair] for pair in ws]
            for j in range(lanes):
                assert [ctx.get(dut.weights[p][j].as_value()) for p in range(2)] == expected[j]

    simulate(dut, feed, judge)
    assert len(set(judged)) == 4
