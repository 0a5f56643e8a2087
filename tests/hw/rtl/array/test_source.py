import pytest
from bench_amaranth import simulate
from own_sequence import installed

from bitrain.rtl.array.source import SequenceSource
from bitrain.spec import Lfsr, Ramp, Sobol, VanDerCorput, find_sequence


@pytest.mark.parametrize(
    "sequence",
    [
        *(Lfsr(width=width, seed=width) for width in (3, 5, 8)),
        Lfsr(width=2),
        Lfsr(width=4, taps=(4, 1), seed=9),
        Ramp(width=3, seed=5),
        Ramp(width=4, direction="down"),
        VanDerCorput(width=6, seed=17),
        VanDerCorput(width=5, direction="down", seed=1),
        *(Sobol(width=7, dimension=dimension, seed=3) for dimension in (1, 2, 5, 8)),
    ],
    ids=lambda s: f"{s.kind}-{s.width}",
)
def test_emits_the_contracts_values(sequence):
    dut = SequenceSource(sequence)
    expected = sequence.values.tolist()

    async def testbench(ctx):
        for length in (len(expected) + 3, 5):
            ctx.set(dut.restart, 1)
            ctx.set(dut.step, 1)  # restart wins
            await ctx.tick()
            ctx.set(dut.restart, 0)
            for t in range(length):
                assert ctx.get(dut.value) == expected[t % len(expected)]
                ctx.set(dut.step, 0)  # holds without a step
                await ctx.tick()
                assert ctx.get(dut.value) == expected[t % len(expected)]
                ctx.set(dut.step, 1)
                await ctx.tick()

    simulate(dut, testbench)


def test_kind_of_ones_own_emits_its_values(tmp_path):
    with installed(tmp_path):
        test_emits_the_contracts_values(
            find_sequence("weyl").model_validate({"width": 4, "multiplier": 11, "seed": 3})
        )


def test_starts_at_its_seed_out_of_reset():
    dut = SequenceSource(Lfsr(width=5, seed=21))

    async def testbench(ctx):
        assert ctx.get(dut.value) == 21

    simulate(dut, testbench)
