"""Estimates beside what a device has; a note where there is no model, or it was not tried."""

import io

import pytest
from networks import compiled, random_network
from rich.console import Console

from bitrain.cli.render.resources import print_resources, resources_table
from bitrain.gen.families.devices import find_device
from bitrain.program import Array
from bitrain.resources.model import needed_model

ARRAY = Array(channels=4, positions=2, lanes=4)


@pytest.fixture
def printed():
    def call(device: str, array: Array = ARRAY) -> str:
        lines = io.StringIO()
        engines = compiled(random_network(0, lanes=4), array)
        print_resources(engines, find_device(device), Console(file=lines, width=140))
        return lines.getvalue()

    return call


def test_estimates_limits_and_errors(printed):
    device, engines = find_device("ecp5-25k"), compiled(random_network(0, lanes=4), ARRAY)
    model = needed_model(device)
    estimate = model.predict(engines, device)
    text = printed("ecp5-25k")
    assert "Resources on ecp5-25k, estimated" in text and "note" not in text
    (line,) = [line for line in text.splitlines() if "LUTs, post-route" in line]
    cells = [cell.strip() for cell in line.split("│")[2:-1]]
    error = model.errors["routed_lut"]
    assert cells == [
        f"{estimate.routed_lut:,}",
        f"{device.capacity.lut:,}",
        f"{error.median:.0%}",
        f"{error.worst:.0%}",
    ]
    table = resources_table(estimate, model, device)
    assert table.row_count == 6


def test_a_device_that_is_too_small(printed):
    large = Array(channels=32, positions=32, lanes=16)
    assert "note: ecp5-25k has too few LUTs and flip-flops" in printed("ecp5-25k", large)


def test_a_family_without_a_table(printed):
    assert "note: no estimate of LUTs and clock for" in printed("ice40-up5k")


def test_more_multipliers_than_any_sample_has(printed):
    assert "are more than any sample" in printed(
        "ecp5-85k", Array(channels=16, positions=16, lanes=8)
    )
