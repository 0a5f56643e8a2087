"""Banks against a table, and numbers turned to them."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, unsigned
from bench_amaranth import simulate

from bitrain.rtl.wide.banks import Banks, lane_of, rotated

WIDTHS = [2, 4, 8]


@pytest.mark.parametrize("width", WIDTHS)
def test_numbers_are_turned(width):
    numbers = [Signal(8, name=f"number_{i}") for i in range(width)]
    turned = [Signal(8, name=f"turned_{i}") for i in range(width)]
    rotation, m = Signal(range(width)), Module()
    m.d.comb += [to.eq(value) for to, value in zip(turned, rotated(numbers, rotation), strict=True)]

    async def testbench(ctx):
        for i, number in enumerate(numbers):
            ctx.set(number, 10 + i)
        for r in range(width):
            ctx.set(rotation, r)
            await ctx.delay(1e-9)
            found = [ctx.get(each) for each in turned]
            assert found == [10 + (i + r) % width for i in range(width)]

    simulate(m, testbench, combinational=True)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_number_in_a_bank(width):
    """It is the one that a turn by the negative rotation brings there."""
    rotation, m = Signal(range(width)), Module()
    lanes = [Signal(8, name=f"lane_{bank}") for bank in range(width)]
    turned = [Signal(8, name=f"turned_{bank}") for bank in range(width)]
    for bank, number in enumerate(rotated(range(width), -rotation)):
        m.d.comb += [lanes[bank].eq(lane_of(bank, rotation)), turned[bank].eq(number)]

    async def testbench(ctx):
        for r in range(width):
            ctx.set(rotation, r)
            await ctx.delay(1e-9)
            for i in range(width):
                bank = (i + r) % width
                assert ctx.get(lanes[bank]) == ctx.get(turned[bank]) == i

    simulate(m, testbench, combinational=True)


@pytest.mark.parametrize(
    ("width", "ports", "parts"), [(2, 1, (5,)), (4, 3, (8,)), (8, 2, (1,)), (2, 2, (8, 3))]
)
def test_reads_and_writes(width, ports, parts):
    """What is read is what was there before the cycle's write; it stays while not enabled."""
    depth = sum(parts)
    bits = max(1, (depth - 1).bit_length())
    dut = Banks(shape=unsigned(6), parts=parts, address_bits=bits, width=width, ports=ports)
    rng = np.random.default_rng(width)
    table = np.zeros((width, max(2, depth)), int)
    shown = np.zeros((ports, width), int)
    held = 0

    async def testbench(ctx):
        nonlocal held
        for _ in range(300):
            enable = rng.integers(2, size=width)
            address, numbers = rng.integers(depth, size=width), rng.integers(64, size=width)
            ctx.set(dut.write.enable, int(enable @ (1 << np.arange(width))))
            for bank in range(width):
                ctx.set(dut.write.address[bank], int(address[bank]))
                ctx.set(dut.write.number[bank], int(numbers[bank]))
            for port in range(ports):
                read = rng.integers(depth, size=width)
                on = bool(rng.random() < 0.7)
                ctx.set(dut.enables[port], int(on))
                for bank in range(width):
                    ctx.set(dut.addresses[port][bank], int(read[bank]))
                was = table[range(width), read]
                held += not on and (was != shown[port]).any()
                if on:
                    shown[port] = was
            table[enable > 0, address[enable > 0]] = numbers[enable > 0]
            await ctx.tick()
            for port in range(ports):
                found = [ctx.get(dut.numbers[port][bank]) for bank in range(width)]
                assert found == shown[port].tolist()

    simulate(dut, testbench)
    assert held and len(np.unique(table)) > 1
