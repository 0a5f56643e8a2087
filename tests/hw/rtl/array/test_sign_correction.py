import random

import pytest
from bench_amaranth import simulate
from networks import random_network

from bitrain.program import Array, Program
from bitrain.rtl.array.sign_correction import SignCorrection


@pytest.mark.parametrize("lanes", [4, 20])
def test_sums_come_with_the_counts_of_the_array(lanes):
    """Chunks of two tiles and more follow each other without a gap, one step each; those that are
    not taken do not count. ``done`` comes 4 cycles after the last is taken, 5 if pipelined."""
    network = random_network(1, lanes=4)
    array = Array(channels=3, positions=1, lanes=lanes)
    dut = SignCorrection(Program(network, array, skip_zeros=True, weights="ram"))
    rng = random.Random(lanes)
    delay = 4 + array.pipelined
    expected, found = [], []
    chunks = [
        [[rng.randrange(2) for _ in range(3)] for _ in range(rng.choice([1, lanes]))]
        for _ in range(30)
    ]
    taken = [rng.random() < 0.6 for _ in chunks]
    ends = [rng.random() < 0.5 for _ in chunks]

    async def feed(ctx):
        done, total = [0] * delay, [0] * 3

        async def cycle(free=0, take=0, end=0):
            nonlocal done
            ctx.set(dut.free, free)
            ctx.set(dut.take, take)
            ctx.set(dut.done, done[0])
            if done[0]:
                found.append([ctx.get(sum_) for sum_ in dut.negatives])
            done = [*done[1:], end]
            await ctx.tick()

        freed = (0, 0, 0)
        for signs, take, end in zip(chunks, taken, ends, strict=True):
            for sign in signs:
                ctx.set(dut.arrive, 1)
                ctx.set(dut.signs, sum(bit << p for p, bit in enumerate(sign)))
                await cycle(*freed)
                freed = (0, 0, 0)
            freed = (1, int(take), int(end))
            if take:
                total = [a + sum(s[p] for s in signs) for p, a in enumerate(total)]
            if end:
                expected.append(total)
                total = [0] * 3
        ctx.set(dut.arrive, 0)
        await cycle(*freed)
        for _ in range(delay):
            await cycle()

    simulate(dut, feed)
    assert found == expected and len(found) > 5
