"""Memories: as deep as an address needs, and what tools are told of them."""

import numpy as np
import pytest
from amaranth.hdl import unsigned
from bench_amaranth import simulate

from bitrain.rtl.engine.memories import ram, rom


def test_an_address_needs_a_bit():
    assert ram(unsigned(3), 1).depth == 2 and ram(unsigned(3), 5).depth == 5
    assert rom(unsigned(3), [7]).depth == 2 and list(rom(unsigned(3), [7]).init) == [7, 0]


def test_tools_check_no_reads_of_what_is_being_written():
    assert "no_rw_check" in ram(unsigned(3), 4).attrs
    assert "no_rw_check" in rom(unsigned(3), [1, 2], loadable=True).attrs
    assert "no_rw_check" not in rom(unsigned(3), [1, 2]).attrs


def test_zeros_that_a_host_may_rely_on():
    assert "initial_contents" in rom(unsigned(3), [0, 0], loadable=True).attrs
    assert "initial_contents" not in ram(unsigned(3), 2).attrs


@pytest.mark.parametrize("parts", [(4, 1), (4, 3), (8, 8), (16, 5)])
def test_a_ram_of_two_parts_is_as_one(parts):
    """What is read is what was there before the cycle's write; it stays while not enabled."""
    dut = ram(unsigned(6), *parts)
    rng, depth = np.random.default_rng(0), sum(parts)
    table, shown, seen = np.zeros(depth, int), np.zeros(2, int), set()
    reads, write = [dut.read_port() for _ in shown], dut.write_port()

    async def testbench(ctx):
        for _ in range(300):
            enable, place, number = rng.integers(2), rng.integers(depth), rng.integers(64)
            for signal, value in zip(
                (write.en, write.addr, write.data), (enable, place, number), strict=True
            ):
                ctx.set(signal, int(value))
            for index, port in enumerate(reads):
                read, on = rng.integers(depth), rng.random() < 0.7
                ctx.set(port.addr, int(read))
                ctx.set(port.en, int(on))
                if on:
                    shown[index] = table[read]
                    seen.add((read >= parts[0], table[read] > 0))
            if enable:
                table[place] = number
            await ctx.tick()
            assert [ctx.get(port.data) for port in reads] == shown.tolist()

    simulate(dut, testbench)
    assert len(seen) == 4
