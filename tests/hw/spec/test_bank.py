"""SNG banks: lanes permute the source, so every stream of a whole period holds its exact count."""

import numpy as np
import pytest
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
    values = bank.values(1 << bits)
    assert values.shape == (num_lanes, 1 << bits) and values.dtype == np.uint16
    numbers = np.arange((1 << bits) + 1)
    ones = (values[:, None, :] < numbers[None, :, None]).sum(-1)
    assert np.array_equal(ones, np.broadcast_to(numbers, ones.shape))


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
