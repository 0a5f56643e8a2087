"""Bytes of a serial line: from our transmitter, from one that is off, and faults."""

import random

import pytest
from bench_amaranth import simulate
from serial_line import bits_of, sent_by

from bitrain.rtl.ports.uart_receiver import UartReceiver


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
