"""Biases of prefixes are those of the programs that the prefixes have."""

import pytest
from bench_amaranth import simulate
from prefixes import ARRAY, NETWORKS, at_full_scale

from bitrain.program import Program
from bitrain.rtl.engine.prefix_bias import PrefixBias
from bitrain.spec import Network


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_biases(network: Network):
    program = Program(network, ARRAY, run_time_length=True)
    dut = PrefixBias(program)
    mask = (1 << program.score_bits) - 1

    async def testbench(ctx):
        for length, prefix in program.prefixes.items():
            own = at_full_scale(program, prefix)
            for index, layer in enumerate(network.layers):
                lost = layer.stream_length // min(layer.stream_length, length)
                ctx.set(dut.lost, lost.bit_length() - 1)
                descriptor = own.descriptors[index]
                names = ("right_shift", "scores")
                values = {name: getattr(descriptor, name) for name in names}
                ctx.set(dut.descriptor, dut.descriptor.shape().const(values))
                base = program.bias_bases[index]
                for channel in range(layer.out_channels):
                    word = program.bias_words[base + channel]
                    ctx.set(dut.word, word & mask)
                    ctx.set(dut.upscale, word >> program.score_bits)
                    await ctx.tick().repeat(3)
                    expected = own.bias_words[base + channel] & ((1 << own.score_bits) - 1)
                    expected -= expected >> (own.score_bits - 1) << own.score_bits
                    assert ctx.get(dut.scaled) == expected

    simulate(dut, testbench)
