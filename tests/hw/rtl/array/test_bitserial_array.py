import numpy as np
import pytest
from bench_amaranth import simulate

from bitrain.program import Array
from bitrain.rtl.array.bitserial_array import BitSerialArray
from bitrain.spec import saturated

BITS, COUNT_BITS = 3, 9


@pytest.mark.parametrize(
    ("channels", "positions", "lanes"), [(2, 3, 1), (1, 1, 2), (3, 1, 5), (1, 2, 17)]
)
@pytest.mark.parametrize("fewer", [0, 1])
def test_counts_of_consecutive_tiles(channels, positions, lanes, fewer):
    """Numbers up to 2^n, chunk after chunk; counts go on from tile to tile and wrap."""
    array = Array(channels=channels, positions=positions, lanes=lanes, arithmetic="bitserial")
    dut = BitSerialArray(array, bits=BITS, count_bits=COUNT_BITS)
    rng = np.random.default_rng(0)
    one, cycles = 1 << BITS, (BITS - fewer) ** 2
    tiles, chunks = 4, 3
    a = rng.integers(0, one + 1, (tiles, chunks, positions, lanes))
    w = rng.integers(0, one + 1, (tiles, chunks, channels, lanes))
    a[0], w[0] = one, one
    s = rng.integers(0, 2, w.shape)
    x, y = (saturated(numbers, BITS) >> fewer << fewer for numbers in (a, w))
    excess = ((1 << BITS) - (1 << fewer)) ** 2 * s
    products = x[:, :, :, None] * (y * (1 - 2 * s))[:, :, None] + excess[:, :, None]
    sums = products.sum((1, 4)).reshape(tiles, -1).cumsum(0)
    done = []

    async def drive(ctx):
        for tile, chunk in np.ndindex(tiles, chunks):
            ctx.set(dut.restart, 1)
            if (tile, chunk) == (0, 0):
                await ctx.tick()  # else with the last step of the chunk before
            for q, j in np.ndindex(positions, lanes):
                ctx.set(dut.activations[q][j], int(a[tile, chunk, q, j]))
            for p, j in np.ndindex(channels, lanes):
                ctx.set(dut.weights[p][j].magnitude, int(w[tile, chunk, p, j]))
                ctx.set(dut.weights[p][j].sign, int(s[tile, chunk, p, j]))
            for cycle in range(cycles):
                ctx.set(dut.step, 1)
                ctx.set(dut.restart, cycle == cycles - 1)
                ctx.set(dut.last, chunk == chunks - 1 and cycle == cycles - 1)
                await ctx.tick()
        ctx.set(dut.step, 0)
        for latency in range(1, 6):
            assert ctx.get(dut.done) == (latency == 3 + array.pipelined)
            await ctx.tick()

    async def watch(ctx):
        async for _, _, is_done, counts in ctx.tick().sample(dut.done, dut.counts):
            if is_done:
                done.append(list(counts))

    simulate(dut, drive, background=[watch])
    assert np.array_equal(done, sums % (1 << COUNT_BITS))
