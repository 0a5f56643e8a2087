"""Which lengths follow each other, against a model."""

import random

from bench_amaranth import simulate
from networks import random_network

from bitrain.program import Array, Program
from bitrain.rtl.engine.exit_points import ExitPoints

PROGRAM = Program(
    random_network(4, bits=4, lanes=2, in_shape=(1, 4, 4)),
    Array(channels=2, positions=2, lanes=2),
    early_termination=True,
)


def passes(rungs, limit: int, margins: list[int | None]) -> list[int]:
    """log2 of the lengths of an image with these margins (None: a single score), pass by pass."""
    shortest = min(PROGRAM.prefixes).bit_length() - 1
    taken = []
    for i, (threshold, run) in enumerate(rungs):
        if run and shortest + i < limit:
            margin = margins[len(taken)]
            taken.append(shortest + i)
            if margin is None or margin >= threshold:
                return taken
    return [*taken, limit]


def test_ladder():
    dut, rng = ExitPoints(PROGRAM), random.Random(0)
    logs = sorted(length.bit_length() - 1 for length in PROGRAM.prefixes)
    assert dut.num_rungs == len(logs) - 1 >= 2

    async def testbench(ctx):
        for _ in range(300):
            rungs = [(rng.randrange(4), rng.random() < 0.7) for _ in range(dut.num_rungs)]
            for i, (threshold, run) in enumerate(rungs):
                ctx.set(dut.rungs[i].threshold, threshold)
                ctx.set(dut.rungs[i].run, run)
            limit = rng.choice(logs)
            margins = [rng.choice([0, 1, 2, 3, None]) for _ in logs]
            expected = passes(rungs, limit, margins)
            ctx.set(dut.limit, limit)
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            for i, (log_length, margin) in enumerate(zip(expected, margins, strict=False)):
                ctx.set(dut.next, 1)
                ctx.set(dut.limit, rng.choice(logs))  # counts with ``restart`` alone
                assert ctx.get(dut.log_length) == log_length
                await ctx.tick()
                ctx.set(dut.next, 0)
                ctx.set(dut.single, margin is None)
                ctx.set(dut.margin, margin or 0)
                await ctx.tick()
                assert ctx.get(dut.again) == (i < len(expected) - 1)
                assert ctx.get(dut.lengths) == sum(1 << log for log in expected[: i + 1])

    simulate(dut, testbench)
