"""Bytes on a serial line, cycle by cycle."""

import pytest
from bench_amaranth import simulate
from serial_line import bits_of, sent_by

from bitrain.rtl.ports.uart_transmitter import UartTransmitter


@pytest.mark.parametrize("divisor", [1, 4, 7])
def test_transmitter_holds_every_bit_for_a_divisor(divisor):
    data = bytes([0x00, 0xFF, 0xA5])
    line = sent_by(data, divisor)
    for i, byte in enumerate(data):
        # One cycle between bytes: the transmitter takes the next where it rests.
        start = i * (10 * divisor + 1)
        expected = [bit for bit in bits_of(byte) for _ in range(divisor)]
        assert line[start : start + 10 * divisor] == expected


def test_bytes_are_taken_one_at_a_time():
    """The line rests at 1; a byte is taken at once, the next when all ten bits are out."""
    dut, divisor = UartTransmitter(divisor=3), 3

    async def testbench(ctx):
        assert ctx.get(dut.tx) and ctx.get(dut.bytes.ready)
        ctx.set(dut.bytes.valid, 1)
        ctx.set(dut.bytes.payload, 0x0F)
        await ctx.tick()
        waited = 0
        while not ctx.get(dut.bytes.ready):
            waited += 1
            await ctx.tick()
        assert waited == 10 * divisor

    simulate(dut, testbench)
