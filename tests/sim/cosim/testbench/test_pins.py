"""Ports by what they are for."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from handles import Handle

from bitrain.cosim.testbench.pins import Pins, parts, read

NAMES = {
    **{role: role for role in ("clock", "reset", "pixel_valid", "pixel_ready", "score_valid")},
    **{role: role for role in ("pixel_data", "score_data", "score_ready", "busy", "cycles")},
    "class_index": "the_class",
}


class Instance(SimpleNamespace):
    """A module whose signals the simulator shows by name, but for what is hidden."""

    def __init__(self, definition: str, **signals):
        super().__init__(**signals)
        self._def_name = definition

    def __iter__(self):
        return iter(())

    def _get(self, name: str):
        return getattr(self, name, None)


def pins_of(score_bits: int = 4, **roles: str) -> Pins:
    """Signals of a device of which each knows its name."""
    every = {**NAMES, **roles}
    trace = {role: f"trace_{role}" for role in ("valid", "layer", "address", "data")}
    names = (*every.values(), *trace.values(), "bus")
    dut: Any = Instance("top", **{name: Handle(name=name, width=8) for name in names})
    ports = {"names": every, "reset_level": 1, "traces": [trace], "bus_inputs": ["bus"]}
    ports["weights"] = []
    state = {"top": {"busy": 0, "hidden": 3}}
    manifest = {"ports": ports, "score_bits": score_bits, "weights": None, "state": state}
    manifest |= {"weight_streams": [], "lengths": [{"length": 8}]}
    return Pins.of(dut, manifest, Path())


def test_names():
    pins = pins_of()
    assert pins.class_index._name == "the_class" and pins.reset_level == 1
    assert pins.traces[0].address._name == "trace_address"
    assert [handle._name for handle in pins.bus_inputs] == ["bus"]
    assert pins.pixel_last is pins.score_last is pins.log_length is None
    assert [(handle._name, value) for handle, value in pins.registers] == [("busy", 0)]
    assert not pins.keeps_contents


@pytest.mark.parametrize(("value", "number"), [(5, 5), (0, 0), ("xx", None), ("z", None)])
def test_unknown_values(value, number):
    assert read(Handle(value)) == number


@pytest.mark.parametrize(
    ("value", "count", "numbers"),
    [
        ("001101111010", 4, [0b010, 0b111, 0b101, 0b001]),
        ("0011x1111010", 4, [0b010, 0b111, None, 0b001]),
        ("zzz101xxx000", 4, [0, None, 0b101, None]),
        ("001101111010", 2, [0b111010, 0b001101]),
        ("0110", 4, [0, 1, 1, 0]),
    ],
)
def test_parts_of_a_signal(value, count, numbers):
    """The lowest first; those with unknown bits have no value, others keep theirs."""
    assert parts(Handle(value, width=len(value)), count) == numbers


@pytest.mark.parametrize(("value", "number"), [(37, 37), ("x1", None)])
def test_a_signal_of_one_part_is_read_as_a_whole(value, number):
    assert parts(Handle(value), 1) == [number]


@pytest.mark.parametrize("last", [False, True])
def test_the_end_of_an_image_is_marked_where_there_is_a_mark(last):
    pins, marked = pins_of(), pins_of(pixel_last="pixel_last")
    for each in (pins, marked):
        each.set_pixel(7, last=last)
        assert each.pixel_data.value == 7
    assert marked.pixel_last.value == int(last)


def test_the_mark_of_the_last_score_is_above_it():
    """In the data of raw streams, from a signal of its own in AXI4-Stream."""
    pins, marked = pins_of(), pins_of(score_last="score_last")
    pins.score_data.value = 0b1_0110
    assert pins.score_word() == 0b1_0110 and pins.is_sign_extended()
    marked.score_data.value, marked.score_last.value = 0b1111_1010, 1
    assert marked.score_word() == 0b1_1010
    marked.score_last.value = "x"
    assert marked.score_word() is None
    marked.score_data.value = "xxxxxxxx"
    assert marked.score_word() is None and marked.is_sign_extended()


@pytest.mark.parametrize(
    ("word", "extended"),
    [(0b0000_0101, True), (0b1111_1101, True), (0b0000_1101, False), (0b1110_1101, False)],
)
def test_sign_extension(word, extended):
    pins = pins_of(score_last="score_last")
    pins.score_data.value = word
    assert pins.is_sign_extended() == extended
