import numpy as np
import pytest
from bench_amaranth import simulate

from bitrain.program import Array
from bitrain.rtl.array.binary_array import BinaryArray

BITS, COUNT_BITS = 3, 9


@pytest.mark.parametrize(("channels", "positions", "lanes"), [(2, 3, 1), (1, 1, 2), (3, 1, 5)])
@pytest.mark.parametrize("dsp", [False, True])
def test_counts_of_consecutive_tiles(channels, positions, lanes, dsp):
    """A chunk in every cycle, of numbers up to 2^n; counts go on from tile to tile and wrap."""
    sizes = {"channels": channels, "positions": positions, "lanes": lanes}
    array = Array(**sizes, arithmetic="binary", dsp=dsp)
    dut = BinaryArray(array, bits=BITS, count_bits=COUNT_BITS)
    rng = np.random.default_rng(0)
    one = 1 << BITS
    tiles, chunks = 4, 3
    a = rng.integers(0, one + 1, (tiles, chunks, positions, lanes))
    w = rng.integers(0, one + 1, (tiles, chunks, channels, lanes))
    a[0], w[0] = one, one
    s = rng.integers(0, 2, w.shape)
    products = a[:, :, :, None] * (w * (1 - 2 * s))[:, :, None] - s[:, :, None]
    sums = products.sum((1, 4)).reshape(tiles, -1).cumsum(0)
    assert abs(sums).max() >= 1 << COUNT_BITS or lanes < 5
    done = []

    async def drive(ctx):
        for tile, chunk in np.ndindex(tiles, chunks):
            for q, j in np.ndindex(positions, lanes):
                ctx.set(dut.activations[q][j], int(a[tile, chunk, q, j]))
            for p, j in np.ndindex(channels, lanes):
                ctx.set(dut.weights[p][j].magnitude, int(w[tile, chunk, p, j]))
                ctx.set(dut.weights[p][j].sign, int(s[tile, chunk, p, j]))
            ctx.set(dut.step, 1)
            ctx.set(dut.last, chunk == chunks - 1)
            await ctx.tick()
        ctx.set(dut.step, 0)
        for latency in range(1, 6):
            assert ctx.get(dut.done) == (latency == 3)
            await ctx.tick()

    async def watch(ctx):
        async for _, _, is_done, counts in ctx.tick().sample(dut.done, dut.counts):
            if is_done:
                done.append(list(counts))

    simulate(dut, drive, background=[watch])
    assert np.array_equal(done, sums % (1 << COUNT_BITS))
