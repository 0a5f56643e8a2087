import numpy as np
import pytest
from bench_amaranth import simulate
from convolutions import lane_bits

from bitrain.program import Array, Sharing
from bitrain.rtl.array.mac_array import MacArray
from bitrain.spec import Lfsr, SngBank, VanDerCorput

BITS, LENGTH, COUNT_BITS = 4, 8, 8


@pytest.mark.parametrize("sharing", Sharing)
@pytest.mark.parametrize(
    ("channels", "positions", "lanes", "or_lanes"),
    [
        (2, 3, 4, 1),
        (1, 1, 2, 1),
        (3, 1, 6, 1),
        (1, 2, 18, 1),
        (2, 3, 4, 2),
        (1, 1, 2, 2),
        (2, 1, 8, 4),
        (1, 2, 8, 8),
        (1, 2, 20, 4),
    ],
)
def test_counts_of_consecutive_tiles(channels, positions, lanes, or_lanes, sharing):
    array = Array(channels=channels, positions=positions, lanes=lanes, sharing=sharing)
    x_bank = SngBank.wired(Lfsr(width=BITS, seed=5), 2, "rotated")
    w_bank = SngBank.wired(VanDerCorput(width=BITS), 2, "rotated")
    w_bank = w_bank.model_copy(update={"generator": "multiplexer"})
    dut = MacArray(x_bank, w_bank, array, count_bits=COUNT_BITS, or_lanes=or_lanes)
    rng = np.random.default_rng(0)
    one = 1 << BITS
    tiles, chunks = 3, 2
    a = rng.integers(0, one + 1, (tiles, chunks, positions, lanes))
    w = rng.integers(0, one + 1, (tiles, chunks, channels, lanes))
    s = rng.integers(0, 2, w.shape)

    x_bits, w_bits = (
        lane_bits(bank, np.arange(lanes), numbers, LENGTH)
        for bank, numbers in ((x_bank, a), (w_bank, w))
    )
    products, negative = x_bits[:, :, :, None] & w_bits[:, :, None], s[:, :, None, :, :, None] == 1
    if or_lanes == 1:
        products = products ^ negative
    else:
        groups = (*products.shape[:4], -1, or_lanes, LENGTH)
        some, none = ((products & sign).reshape(groups).any(5) for sign in (~negative, negative))
        products = np.concatenate([some, ~none], 4)
    # Counts go on from tile to tile.
    expected = products.sum((1, 4, 5)).reshape(tiles, -1).cumsum(0) % (1 << COUNT_BITS)
    done = []

    async def drive(ctx):
        for tile in range(tiles):
            for chunk in range(chunks):
                ctx.set(dut.step, 0)
                ctx.set(dut.restart, 1)
                await ctx.tick()
                ctx.set(dut.restart, 0)
                for q, j in np.ndindex(positions, lanes):
                    ctx.set(dut.activations[q][j], int(a[tile, chunk, q, j]))
                for p, j in np.ndindex(channels, lanes):
                    ctx.set(dut.weights[p][j].magnitude, int(w[tile, chunk, p, j]))
                    ctx.set(dut.weights[p][j].sign, int(s[tile, chunk, p, j]))
                ctx.set(dut.step, 1)
                for t in range(LENGTH):
                    ctx.set(dut.last, chunk == chunks - 1 and t == LENGTH - 1)
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
    assert np.array_equal(done, expected)
