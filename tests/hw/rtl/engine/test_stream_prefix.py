"""Descriptors of prefixes are those of the programs that the prefixes have."""

import pytest
from bench_amaranth import simulate
from prefixes import ARRAY, NETWORKS, at_full_scale

from bitrain.program import Program
from bitrain.rtl.engine.stream_prefix import StreamPrefix
from bitrain.spec import Network


def fields(program: Program, index: int) -> dict[int | str, int]:
    """What the ROM says of a layer, by field, as unsigned numbers."""
    word = program.descriptor_words[index]
    found: dict[int | str, int] = {}
    for name, width in program.field_widths.items():
        found[name] = word & ((1 << width) - 1)
        word >>= width
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
