"""Ports by what they are for."""

from types import SimpleNamespace
from typing import Any

import pytest
from handles import Handle

from bitrain.cosim.testbench.pins import Pins, read

NAMES = {
    **{role: role for role in ("clock", "reset", "pixel_valid", "pixel_ready", "score_valid")},
    **{role: role for role in ("pixel_data", "score_data", "score_ready", "busy", "cycles")},
    "class_index": "the_class",
}


def pins_of(score_bits: int = 4, **names: str) -> Pins:
    """Signals of a device of which each knows its name."""
    every = {**NAMES, **names}
    trace = {role: f"trace_{role}" for role in ("valid", "layer", "address", "data")}
    dut: Any = SimpleNamespace(
        **{name: Handle(name=name, width=8) for name in (*every.values(), *trace.values(), "bus")}
    )
    ports = {"names": every, "reset_level": 1, "traces": [trace], "bus_inputs": ["bus"]}
    return Pins.of(dut, {"ports": ports, "score_bits": score_bits})


def test_names():
    pins = pins_of()
    assert pins.class_index._name == "the_class" and pins.reset_level == 1
    assert pins.traces[0].address._name == "trace_address"
    assert [handle._name for handle in pins.bus_inputs] == ["bus"]
    assert pins.pixel_last is pins.score_last is pins.log_length is None


@pytest.mark.parametrize(("value", "number"), [(5, 5), (0, 0), ("xx", None), ("z", None)])
def test_unknown_values(value, number):
    assert read(Handle(value)) == number


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
