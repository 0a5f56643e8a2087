"""The table of registers: addresses, fields, and what must never change."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from networks import random_network

from bitrain.accelerator import Engines
from bitrain.host.registers import (
    ENABLE,
    IDENTIFICATION,
    REGISTERS,
    address_bits,
    constants,
    map_version,
    register,
    registers_of,
)
from bitrain.program import Array, Interface, Program

NETWORK, ARRAY = random_network(0), Array(channels=2, positions=2, lanes=4)


@pytest.mark.parametrize(
    ("options", "version", "blocks"),
    [
        ({}, 0x10000, {0: 13}),
        ({"weights": "ram"}, 0x10001, {0: 13, 0x40: 3}),
        ({"early_termination": True}, 0x10001, {0: 13, 0x60: 3}),
        ({"weights": "stream"}, 0x10000, {0: 13}),  # more fields, and no register
    ],
)
def test_registers_of_an_accelerator(options, version, blocks):
    """Those of all at the start, those of an option at an address of its own."""
    registers = registers_of(Engines.of(Program(NETWORK, ARRAY, **options)))
    expected = [first + 4 * i for first, size in blocks.items() for i in range(size)]
    assert [entry.offset for entry in registers] == expected
    # Room is left, so that an address without a register exists.
    assert expected[-1] + 4 < 1 << address_bits(registers)
    assert map_version(registers) == version
    errors = next(entry.fields for entry in registers if entry.name == "ERROR")
    more = {"ram": [3], "stream": [4, 5]}.get(options.get("weights"), [])
    assert [field.low for field in errors] == [0, 1, 2, *more]


def test_addresses_are_words_that_rise():
    offsets = [entry.offset for entry in REGISTERS]
    assert offsets == sorted(set(offsets))
    assert not any(offset % 4 for offset in offsets)


def test_names_are_unique_and_fields_do_not_overlap():
    names = [name for name, _ in constants()]
    assert len(names) == len(set(names))
    for entry in REGISTERS:
        fields = sorted(entry.fields, key=lambda field: field.low)
        assert all(first.low + first.width <= second.low for first, second in pairwise(fields))
        assert all(field.low + field.width <= 32 for field in fields)


def test_what_software_may_rely_on():
    """Changing any of this needs a new major number in the map's version."""
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
