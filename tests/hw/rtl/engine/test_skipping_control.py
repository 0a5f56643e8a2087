import random
from itertools import pairwise

import pytest
from bench_amaranth import simulate
from networks import random_network
from windows import set_descriptor

from bitrain.program import Array, Program
from bitrain.rtl.engine.skipping_control import SkippingControl

TILES = 12


@pytest.mark.parametrize("length", [1, 2, 8])
@pytest.mark.parametrize(("channels", "positions"), [(1, 1), (3, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_zeros_are_dropped_but_end_tiles(length, channels, positions, seed):
    """Chunks come at once or late; streams of the others are whole, and tiles end P Q apart."""
    network = random_network(1, bits=3, length=length)
    array = Array(channels=channels, positions=positions, lanes=network.num_lanes)
    program = Program(network, array, skip_zeros=True)
    dut = SkippingControl(program)
    index, chunks = 1, program.tilings[1].chunks
    assert chunks > 1
    rng = random.Random(seed)
    share = (0.3, 0.9, 1)[seed]
    zero = [[rng.random() < share for _ in range(chunks)] for _ in range(TILES)]
    fates, events = [], []

    async def feed(ctx):
        set_descriptor(ctx, dut, program, index)
        for flag in (flag for tile in zero for flag in tile):
            while rng.random() < 0.3:
                ctx.set(dut.full, 0)
                await ctx.tick()
            ctx.set(dut.full, 1)
            ctx.set(dut.zero, flag)
            taken, dropped = 0, 0
            while not (taken or dropped):
                _, _, taken, dropped = await ctx.tick().sample(dut.take, dut.drop)
            assert not (taken and dropped)
            fates.append(bool(dropped))
        ctx.set(dut.full, 0)
        await ctx.tick().repeat(2 * length + 2 * array.neurons)

    async def watch(ctx):
        cycle = 0
        async for _, _, take, step, last in ctx.tick().sample(dut.take, dut.step, dut.last):
            events.append((cycle, take, step, last))
            cycle += 1

    simulate(dut, feed, background=[watch])
    assert fates == [flag and i < chunks - 1 for tile in zero for i, flag in enumerate(tile)]
    # Steps from take to take: L, or one for the zeros that end a tile.
    expected = [
        1 if flag else length
        for tile in zero
        for i, flag in enumerate(tile)
        if not flag or i == chunks - 1
    ]
    steps = []
    for _, take, step, _ in events:
        if step:
            steps[-1] += 1
        if take:
            steps.append(0)
    assert steps == expected
    ends = [cycle for cycle, _, step, last in events if step and last]
    assert len(ends) == TILES
    assert all(b - a >= array.neurons for a, b in pairwise(ends))
