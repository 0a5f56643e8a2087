import numpy as np
import pytest
from bench_amaranth import simulate
from convolutions import lane_bits

from bitrain.rtl.array.sng_bank import StochasticNumberGenerators
from bitrain.spec import LaneWire, Lfsr, SngBank, Sobol, VanDerCorput


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    "bank",
    [
        SngBank.wired(Lfsr(width=4, seed=3), 5, "rotated"),
        SngBank.wired(VanDerCorput(width=3), 1, "identical"),
        SngBank(
            sequence=Sobol(width=4, dimension=3),
            lanes=(LaneWire(rotate=1, invert=5), LaneWire(invert=15), LaneWire(rotate=3)),
        ),
    ],
)
@pytest.mark.parametrize("generator", ["comparator", "multiplexer"])
def test_bits_of_numbers_at_their_lanes(bank, generator, signed):
    bank = bank.model_copy(update={"generator": generator})
    repeats, num_vectors = 2, 3
    num_lanes = repeats * len(bank.lanes)
    one = 1 << bank.sequence.width
    dut = StochasticNumberGenerators(
        bank, num_vectors=num_vectors, num_lanes=num_lanes, signed=signed
    )
    rng = np.random.default_rng(1)
    numbers = rng.integers(0, one + 1, (num_vectors, num_lanes))
    numbers[0, 0], numbers[1, 0] = 0, one
    signs = rng.integers(0, 2, numbers.shape) * signed
    expected = lane_bits(bank, np.arange(num_lanes), numbers, one)
    assert (expected.sum(-1) == numbers).all()

    async def testbench(ctx):
        for i, j in np.ndindex(*numbers.shape):
            ctx.set(dut.numbers[i][j], int(numbers[i, j]))
            if signed:
                ctx.set(dut.signs[i][j], int(signs[i, j]))
        ctx.set(dut.restart, 1)
        await ctx.tick()
        ctx.set(dut.restart, 0)
        ctx.set(dut.step, 1)
        for t in range(one):
            await ctx.tick()  # latency: one cycle
            outputs = [dut.bits, dut.negative_bits] if signed else [dut.bits]
            for sign, output in enumerate(outputs):
                got = [[ctx.get(output[i]) >> j & 1 for j in range(num_lanes)] for i in range(3)]
                assert np.array_equal(got, expected[:, :, t] & (signs == sign))

    simulate(dut, testbench)
