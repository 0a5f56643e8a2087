"""SNG banks: lanes permute the source, so every stream of a whole period holds its exact count."""

import numpy as np
import pytest
from convolutions import lane_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from strategies import banks

from bitrain.spec import LaneWire, Lfsr, Ramp, SngBank, VanDerCorput
from bitrain.spec.bank import MAX_LANES


@settings(deadline=None, max_examples=60)
@given(data=st.data(), bits=st.integers(2, 9), num_lanes=st.integers(1, 9))
def test_streams_hold_exactly_as_many_ones_as_the_number(data, bits, num_lanes):
    bank = data.draw(banks(bits, num_lanes))
    selects = bank.selects(1 << bits)
    assert selects.shape == (num_lanes, 1 << bits) and selects.dtype == np.uint16
    numbers = np.arange((1 << bits) + 1)
    streams = bank.bits(selects[:, None, :], numbers[None, :, None])
    ones = streams.sum(-1)
    assert np.array_equal(ones, np.broadcast_to(numbers, ones.shape))
    lanes = np.arange(num_lanes)[:, None]
    assert np.array_equal(streams, lane_bits(bank, lanes, numbers, 1 << bits))


def test_a_multiplexer_selects_the_bit_at_the_highest_one():
    sequence = VanDerCorput(width=3)
    bank = SngBank(sequence=sequence, lanes=(LaneWire(),), generator="multiplexer")
    assert bank.values(8).tolist() == [[0, 4, 2, 6, 1, 5, 3, 7]]
    assert bank.selects(8).tolist() == [[0, 4, 2, 4, 1, 4, 2, 4]]  # the lowest one of 0 … 7
    bits = {number: bank.bits(bank.selects(8)[0], number).tolist() for number in (1, 5, 6, 8)}
    assert bits == {
        1: [0, 0, 0, 0, 1, 0, 0, 0],
        5: [0, 1, 0, 1, 1, 1, 0, 1],
        6: [0, 1, 1, 1, 0, 1, 1, 1],
        8: [1, 1, 1, 1, 1, 1, 1, 1],
    }


@settings(deadline=None, max_examples=60)
@given(data=st.data(), bits=st.integers(2, 9), num_lanes=st.integers(1, 9))
def test_lane_is_the_source_rotated_then_inverted(data, bits, num_lanes):
    bank = data.draw(banks(bits, num_lanes))
    source = bank.sequence.values
    for lane, values in zip(bank.lanes, bank.values(1 << bits), strict=True):
        for before, after in zip(source.tolist(), values.tolist(), strict=True):
            digits = f"{before:0{bits}b}"
            rotated = digits[lane.rotate :] + digits[: lane.rotate]
            assert after == int(rotated, 2) ^ lane.invert


def test_shorter_streams_are_prefixes():
    bank = SngBank.wired(Lfsr(width=6), 4, "rotated")
    assert np.array_equal(bank.values(8), bank.values(64)[:, :8])


def test_wired():
    identical = SngBank.wired(VanDerCorput(width=4), 6, "identical")
    assert identical.lanes == (LaneWire(),) * 6
    rotated = SngBank.wired(VanDerCorput(width=4), 6, "rotated")
    assert [lane.rotate for lane in rotated.lanes] == [0, 1, 2, 3, 0, 1]
    assert {lane.invert for lane in rotated.lanes} == {0}


@pytest.mark.parametrize("wire", [LaneWire(rotate=4), LaneWire(invert=16)])
def test_wire_beyond_the_width(wire):
    with pytest.raises(
        ValidationError, match="lane 1 rotates or inverts beyond the 4 bits of the bank"
    ):
        SngBank(sequence=Ramp(width=4), lanes=(LaneWire(), wire))


@pytest.mark.parametrize("field", ["rotate", "invert"])
def test_negative_wire(field):
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        LaneWire(**{field: -1})


@pytest.mark.parametrize("num_lanes", [0, MAX_LANES + 1])
def test_number_of_lanes(num_lanes):
    with pytest.raises(ValidationError, match="lanes"):
        SngBank.wired(Ramp(width=4), num_lanes, "identical")
