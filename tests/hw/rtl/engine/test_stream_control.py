from itertools import pairwise

import pytest
from bench_amaranth import simulate
from networks import random_network
from windows import set_descriptor

from bitrain.program import Array, Program
from bitrain.rtl.engine.stream_control import StreamControl


@pytest.mark.parametrize("length", [1, 2, 8])
@pytest.mark.parametrize(("channels", "positions"), [(1, 1), (3, 4), (8, 8)])
def test_steps_of_consecutive_tiles(length, channels, positions):
    network = random_network(1, bits=3, length=length)
    array = Array(channels=channels, positions=positions, lanes=network.num_lanes)
    program = Program(network, array)
    dut = StreamControl(program)
    index, chunks, tiles = 1, program.tilings[1].chunks, 4
    steps = []

    async def feed(ctx):
        set_descriptor(ctx, dut, program, index)
        for _ in range(tiles * chunks):
            ctx.set(dut.full, 1)
            await ctx.tick().until(dut.take)
        ctx.set(dut.full, 0)
        await ctx.tick().repeat(2 * length + 2 * array.neurons)

    async def watch(ctx):
        cycle = 0
        async for _, _, step, first, last, take in ctx.tick().sample(
            dut.step, dut.first, dut.last, dut.take
        ):
            steps.append((cycle, first, last, take)) if step else None
            cycle += 1

    simulate(dut, feed, background=[watch])
    assert len(steps) == tiles * chunks * length
    tile_steps = chunks * length
    assert [s[1] for s in steps] == [t % tile_steps == 0 for t in range(len(steps))]
    assert [s[2] for s in steps] == [(t + 1) % tile_steps == 0 for t in range(len(steps))]
    # Operands change only at the end of a chunk, and tiles end P Q cycles apart or later.
    assert all((t + 1) % length == 0 for t, s in enumerate(steps) if s[3])
    ends = [s[0] for s in steps if s[2]]
    spacing = max(tile_steps, array.neurons)
    assert [b - a for a, b in pairwise(ends)] == [spacing] * (tiles - 1)
