import numpy as np
import pytest
from bench_amaranth import simulate
from networks import random_network, streamed
from windows import set_descriptor

from bitrain.program import Array, Program
from bitrain.rtl.engine.firing_neurons import FiringNeurons

CHANNELS, POSITIONS, LENGTH, CHUNKS = 2, 4, 8, 2


def expected_fires(increments, start, negatives, theta, window):
    """Of every window and channel, from increments (chunks, L, windows, members, channels)."""
    sums = start + theta + increments[:-1].sum((0, 1))
    fires = np.zeros((POSITIONS // window, CHANNELS), int)
    for increment in increments[-1]:
        sums = sums + increment - negatives
        fire = (sums >= theta).any(1)
        sums = sums - theta * fire[:, None]
        fires += fire
    return fires


@pytest.mark.parametrize("index", [0, 1], ids=["alone", "pooled"])
def test_fires_of_consecutive_tiles(index):
    network = streamed(random_network(0, bits=3, lanes=3, length=LENGTH))
    array = Array(channels=CHANNELS, positions=POSITIONS, lanes=3)
    program = Program(network, array)
    assert program.stream_windows == (1, 4)
    window = program.tilings[index].window
    dut = FiringNeurons(program, increment_bits=2)
    rng = np.random.default_rng(index)
    tiles = 6
    shape = (tiles, CHUNKS, LENGTH, POSITIONS // window, window, CHANNELS)
    increments = rng.integers(0, 4, shape)
    starts = rng.integers(-24, 4, (tiles, CHANNELS))
    negatives = rng.integers(0, 3, (tiles, CHANNELS))
    thetas = 1 << rng.integers(0, 4, (tiles, CHANNELS))

    found = set()

    async def drive(ctx):
        set_descriptor(ctx, dut, program, index)
        for tile in range(tiles):
            for p in range(CHANNELS):
                constants, start = dut.constants[p], int(starts[tile, p])
                ctx.set(constants.start, start % (1 << len(constants.start)))
                ctx.set(constants.negatives, int(negatives[tile, p]))
                ctx.set(constants.fired, int(negatives[tile, p] + thetas[tile, p]))
            for chunk, t in np.ndindex(CHUNKS, LENGTH):
                ctx.set(dut.step, 0)
                for _ in range(rng.integers(0, 3)):  # operands come late
                    await ctx.tick()
                ctx.set(dut.step, 1)
                ctx.set(dut.first, chunk == 0 and t == 0)
                ctx.set(dut.emit, chunk == CHUNKS - 1)
                ctx.set(dut.emit_first, chunk == CHUNKS - 1 and t == 0)
                for i, value in enumerate(increments[tile, chunk, t].ravel().tolist()):
                    ctx.set(dut.increments[i], value)
                await ctx.tick()
            fires = expected_fires(
                increments[tile], starts[tile], negatives[tile], thetas[tile], window
            )
            expected = fires.repeat(window, 0).ravel().tolist()
            assert [ctx.get(dut.counts[i]) for i in range(array.neurons)] == expected
            found.update(expected)

    simulate(dut, drive)
    assert {0, LENGTH} < found


def test_counter_mode_counts():
    network = streamed(random_network(0, bits=3, lanes=3, length=LENGTH))
    array = Array(channels=CHANNELS, positions=POSITIONS, lanes=3)
    program = Program(network, array)
    dut = FiringNeurons(program, increment_bits=2)

    async def drive(ctx):
        set_descriptor(ctx, dut, program, len(network.layers) - 1)
        ctx.set(dut.step, 1)
        for _ in range(2):
            for t in range(LENGTH):
                ctx.set(dut.first, t == 0)
                ctx.set(dut.emit, 1)
                ctx.set(dut.emit_first, t == 0)
                for i in range(array.neurons):
                    ctx.set(dut.increments[i], i % 4)
                await ctx.tick()
            counts = [ctx.get(dut.counts[i]) for i in range(array.neurons)]
            assert counts == [i % 4 * LENGTH for i in range(array.neurons)]

    simulate(dut, drive)
