"""Biases of runs of fewer bits are those of the networks that the runs are."""

import pytest
from bench_amaranth import simulate
from networks import of_lengths, random_network, residual_network

from bitrain.program import Array, Program
from bitrain.program.arithmetics import find_arithmetic
from bitrain.rtl.engine.precision_bias import PrecisionBias
from bitrain.spec import Network

ARRAY = Array(channels=2, positions=2, lanes=4, arithmetic="bitserial")


@pytest.mark.parametrize(
    "network",
    [
        random_network(0, bits=4, lanes=2),
        residual_network(2, bits=5, lanes=2),
        of_lengths(random_network(1, bits=5, lanes=2)),
    ],
    ids=["random", "residual", "lengths"],
)
def test_biases(network: Network):
    program = Program(network, ARRAY, run_time_length=True)
    dut, rules = PrecisionBias(program), find_arithmetic("bitserial")

    async def testbench(ctx):
        for shorter in program.prefixes.values():
            lost = network.bits - shorter.bits
            ctx.set(dut.lost, lost)
            for index, layer in enumerate(network.layers):
                sums = rules.accumulate(shorter, shorter.layers[index], ARRAY.lanes)
                descriptor = program.descriptors[index]
                names = ("right_shift", "scores", "log_length")
                values = {name: getattr(descriptor, name) for name in names}
                ctx.set(dut.descriptor, dut.descriptor.shape().const(values))
                negatives = (layer.weight_matrix < 0).sum(1).tolist()
                # Negative weights that become zero count too much all the same.
                excess = (shorter.one - 1) ** 2
                for channel in range(layer.out_channels):
                    ctx.set(dut.word, int(program.sums[index].biases[channel]))
                    ctx.set(dut.upscale, int(layer.upscale[channel]))
                    ctx.set(dut.negatives, negatives[channel])
                    await ctx.tick().repeat(3)
                    expected = int(sums.biases[channel]) - excess * negatives[channel]
                    expected = (expected << 2 * lost) % (1 << program.score_bits)
                    found = ctx.get(dut.scaled) % (1 << program.score_bits)
                    # Counts have no smaller bits, so a half that is less than one rounds nothing.
                    least = 1 << 2 * lost
                    assert found // least == expected // least, (lost, index, channel)

    simulate(dut, testbench)
