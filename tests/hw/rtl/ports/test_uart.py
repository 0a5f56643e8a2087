"""Receiver and transmitter of a serial line, alone and with each other."""

import random

import pytest
from bench_amaranth import simulate

from bitrain.rtl import UartReceiver, UartTransmitter


def sent_by(data: bytes, divisor: int) -> list[int]:
    """The line in every cycle from the first start bit on."""
    transmitter, line = UartTransmitter(divisor=divisor), []

    async def feed(ctx):
        for byte in data:
            ctx.set(transmitter.bytes.valid, 1)
            ctx.set(transmitter.bytes.payload, byte)
            await ctx.tick().until(transmitter.bytes.ready)
        ctx.set(transmitter.bytes.valid, 0)
        await ctx.tick().repeat(12 * divisor)

    async def watch(ctx):
        async for _, _, tx in ctx.tick().sample(transmitter.tx):
            line.append(tx)

    simulate(transmitter, feed, background=[watch])
    return line[line.index(0) :]


def bits_of(byte: int, stop: int = 1) -> list[int]:
    return [0, *(byte >> i & 1 for i in range(8)), stop]


def received_from(line, divisor: int) -> list[int | None]:
    """Bytes of a line given cycle by cycle; None for one without stop bit."""
    receiver, found = UartReceiver(divisor=divisor), []

    async def drive(ctx):
        for bit in (*line, *[1] * 12 * divisor):
            ctx.set(receiver.rx, bit)
            await ctx.tick()

    async def watch(ctx):
        async for _, _, valid, error, byte in ctx.tick().sample(
            receiver.valid, receiver.error, receiver.byte
        ):
            assert not (valid and error)
            if valid or error:
                found.append(byte if valid else None)

    simulate(receiver, drive, background=[watch])
    return found


@pytest.mark.parametrize("divisor", [1, 4, 7])
def test_transmitter_holds_every_bit_for_a_divisor(divisor):
    data = bytes([0x00, 0xFF, 0xA5])
    line = sent_by(data, divisor)
    for i, byte in enumerate(data):
        # One cycle between bytes: the transmitter takes the next where it rests.
        start = i * (10 * divisor + 1)
        expected = [bit for bit in bits_of(byte) for _ in range(divisor)]
        assert line[start : start + 10 * divisor] == expected


@pytest.mark.parametrize("divisor", [8, 9, 13])
def test_receiver_takes_what_the_transmitter_sends(divisor):
    data = random.Random(divisor).randbytes(12)
    assert received_from(sent_by(data, divisor), divisor) == list(data)


@pytest.mark.parametrize(("divisor", "error"), [(8, 0.02), (8, -0.02), (20, 0.04), (20, -0.04)])
def test_receiver_bears_a_clock_of_the_sender_that_is_off(divisor, error):
    data = random.Random(0).randbytes(40)
    bits = [bit for byte in data for bit in bits_of(byte)]
    length = divisor * (1 + error)
    line = [bits[int(cycle / length)] for cycle in range(int(length * len(bits)))]
    assert received_from(line, divisor) == list(data)


def test_byte_without_stop_bit():
    bits = [*bits_of(0x55, stop=0), 0, 0, 1, 1, *bits_of(0x33)]
    line = [bit for bit in bits for _ in range(8)]
    assert received_from(line, 8) == [None, 0x33]


def test_pulse_too_short_for_a_start_bit():
    assert received_from([0, 1, 1, 1, 1, 1, 1, 1], 8) == []


def test_line_that_rests():
    assert received_from([1] * 50, 8) == []
