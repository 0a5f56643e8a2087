"""Pixels with pauses, clock edge by clock edge."""

from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from handles import Edge, Handle, run

from bitrain.cosim.testbench import driver
from bitrain.cosim.testbench.driver import PixelDriver


@pytest.fixture(autouse=True)
def edges(monkeypatch):
    for name in ("RisingEdge", "ClockCycles"):
        monkeypatch.setattr(driver, name, Edge)


def bench(ready):
    """A driver, what a device takes that is ``ready(cycle)``, and the violations told."""
    problems: list[str] = []
    pins: Any = SimpleNamespace(
        clock=None,
        pixel_data=Handle(width=5),
        pixel_valid=Handle(),
        pixel_ready=Handle(ready(-1)),
    )
    last = Handle()

    def set_pixel(value: int, *, last: bool) -> None:
        pins.pixel_data.value, marks.value = value, int(last)

    marks, pins.set_pixel = last, set_pixel
    checker: Any = SimpleNamespace(violate=problems.append)
    taken: list[tuple[int, int | str, int | str]] = []
    begun: list[int] = []

    def edge(cycle: int) -> None:
        pins.pixel_ready.value = ready(cycle)
        if pins.pixel_valid.value and pins.pixel_ready.value == 1:
            taken.append((cycle, pins.pixel_data.value, marks.value))

    pixels = PixelDriver(pins, checker, Random(0), on_begin=lambda: begun.append(taken[-1][0]))
    return pixels, pins, edge, taken, begun, problems


IMAGE = np.array([3, 1, 2])


def test_full_rate():
    pixels, pins, edge, taken, begun, problems = bench(lambda cycle: 1)
    assert pins.pixel_valid.value == 0, "idle at first"
    run(pixels.drive(IMAGE, iter([0, 0, 0])), edge)
    assert taken == [(0, 3, 0), (1, 1, 0), (2, 2, 1)] and begun == [0]
    assert pins.pixel_valid.value == 0 and problems == []


def test_pauses_are_kept_and_a_pixel_waits_until_it_is_taken():
    pixels, _, edge, taken, begun, problems = bench(lambda cycle: int(cycle >= 4))
    run(pixels.drive(IMAGE, iter([2, 0, 3])), edge)
    assert taken == [(4, 3, 0), (5, 1, 0), (9, 2, 1)] and begun == [4] and problems == []


def test_unknown_ready():
    pixels, _, edge, *_, problems = bench(lambda cycle: "x" if cycle < 2 else 1)
    run(pixels.drive(IMAGE, iter([0, 0, 0])), edge)
    assert set(problems) == {"ready of the pixels is unknown"}
