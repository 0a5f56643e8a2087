"""Descriptors and biases of prefixes are those of the programs that the prefixes have."""

import pytest
from bench_amaranth import simulate
from networks import random_network, residual_network

from bitrain.program import Array, Program
from bitrain.rtl import PrefixBias, StreamPrefix
from bitrain.spec import Network

ARRAY = Array(channels=2, positions=2, lanes=4)
NETWORKS = [
    random_network(0, bits=4, lanes=2),
    random_network(3, bits=6, lanes=2, length=32),
    residual_network(2, bits=5, lanes=2),
]


def fields(program: Program, index: int) -> dict[int | str, int]:
    """What the ROM says of a layer, by field, as unsigned numbers."""
    word = program.descriptor_words[index]
    found: dict[int | str, int] = {}
    for name, width in program.field_widths.items():
        found[name] = word & ((1 << width) - 1)
        word >>= width
    return found


def at_full_scale(program: Program, prefix: Network) -> Program:
    """The prefix's own program, with the constant shift of the engine that runs all prefixes."""
    found = Program(prefix, ARRAY, run_time_length=True)
    found.__dict__["left_shift"] = program.left_shift
    return found


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_descriptors(network: Network):
    program = Program(network, ARRAY, run_time_length=True)
    dut = StreamPrefix(program)

    async def testbench(ctx):
        for length, prefix in program.prefixes.items():
            expected = at_full_scale(program, prefix).descriptors
            ctx.set(dut.log_length, length.bit_length() - 1)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.log_length, 0)
            for index, layer in enumerate(network.layers):
                rom = fields(program, index)
                ctx.set(dut.descriptor, dut.descriptor_layout.const(rom))
                ctx.set(dut.restart, 1)
                await ctx.tick()
                ctx.set(dut.restart, 0)
                scaled = ctx.get(dut.scaled)
                for name in ("last_cycle", "right_shift", "shortcut_gain", "weight_base", "plane"):
                    if name in rom:
                        assert getattr(scaled, name) == getattr(expected[index], name), name
                lost = layer.stream_length // min(layer.stream_length, length)
                assert 1 << ctx.get(dut.lost) == lost

    simulate(dut, testbench)


@pytest.mark.parametrize("asked", ["too long", "too short"])
def test_lengths_that_are_not_there(asked):
    """What lies beyond the lengths of the program counts as the nearest."""
    network = NETWORKS[1]
    program = Program(network, ARRAY, run_time_length=True)
    program.__dict__["prefixes"] = {n: program.prefixes[n] for n in (16, 8)}
    dut = StreamPrefix(program)

    async def testbench(ctx):
        ctx.set(dut.log_length, 5 if asked == "too long" else 1)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.descriptor, dut.descriptor_layout.const(fields(program, 0)))
        ctx.set(dut.restart, 1)
        await ctx.tick()
        assert ctx.get(dut.scaled).last_cycle == (15 if asked == "too long" else 7)

    simulate(dut, testbench)


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
                    await ctx.tick().repeat(2)
                    expected = own.bias_words[base + channel] & ((1 << own.score_bits) - 1)
                    expected -= expected >> (own.score_bits - 1) << own.score_bits
                    assert ctx.get(dut.scaled) == expected

    simulate(dut, testbench)
