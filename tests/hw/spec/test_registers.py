"""The table of registers: addresses, fields, and what must never change."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from bitrain.spec import Interface
from bitrain.spec.registers import (
    ADDRESS_BITS,
    ENABLE,
    IDENTIFICATION,
    REGISTERS,
    constants,
    register,
)


def test_addresses_are_words_in_a_row_and_fit():
    offsets = [entry.offset for entry in REGISTERS]
    assert offsets == list(range(0, 4 * len(REGISTERS), 4))
    # Room is left, so that an address without a register exists.
    assert offsets[-1] + 4 < 1 << ADDRESS_BITS


def test_names_are_unique_and_fields_do_not_overlap():
    names = [name for name, _ in constants()]
    assert len(names) == len(set(names))
    for entry in REGISTERS:
        fields = sorted(entry.fields, key=lambda field: field.low)
        assert all(first.low + first.width <= second.low for first, second in pairwise(fields))
        assert all(field.low + field.width <= 32 for field in fields)


def test_what_software_may_rely_on():
    """Changing any of this needs a new major number in MAP_VERSION."""
    numbers = dict(constants())
    assert (IDENTIFICATION, numbers["ID"], numbers["VERSION"]) == (0x42495452, 0, 4)
    assert (numbers["CONTROL"], numbers["CONTROL_ENABLE"], ENABLE) == (8, 1, 1)
    assert numbers["ERROR_TLAST_MISSING"] == 2
    assert register("ERROR").access == "w1c"


@pytest.mark.parametrize(
    ("streams", "reset", "clock_name", "reset_name"),
    [
        ("raw", None, "clk", "rst"),
        ("raw", "low", "clk", "rst_n"),
        ("axi", None, "aclk", "aresetn"),
        ("axi", "high", "aclk", "areset"),
    ],
)
def test_names_of_clock_and_reset(streams, reset, clock_name, reset_name):
    interface = Interface.usual(streams, reset)
    assert (interface.clock_name, interface.reset_name) == (clock_name, reset_name)
    assert interface.is_axi == (streams == "axi")


def test_the_document_has_the_same_table():
    text = (Path(__file__).parents[3] / "docs" / "interfaces.md").read_text(encoding="utf-8")
    for entry in REGISTERS:
        row = f"| 0x{entry.offset:02x} | `{entry.name}` | {entry.access} | {entry.meaning} |"
        for field in entry.fields:
            last = f" … {field.low + field.width - 1}" if field.width > 1 else ""
            row += f"\n| | `{field.name}` {field.low}{last} | | {field.meaning} |"
        assert row in text
    assert len(re.findall(r"^\| 0x", text, re.M)) == len(REGISTERS)
