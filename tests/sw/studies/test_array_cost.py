"""Arrays by themselves: what is synthesised is what the network's accelerator has."""

import io
from typing import ClassVar

import pytest
from networks import random_network, streamed
from rich.console import Console
from standard_cells import small_library

from bitrain.gen.asic.liberty import read_library
from bitrain.gen.families.resources import Resources
from bitrain.program import Program
from bitrain.studies import array_cost


class Report:
    """What synthesis finds."""

    tools: ClassVar = {"stand-in": "1"}
    resources = Resources(lut=100, carry_lut=10, ff=3)


@pytest.mark.parametrize("fires", [False, True])
def test_neurons_are_those_of_the_network(monkeypatch, tmp_path, fires):
    network = random_network(0, bits=3, lanes=4)
    network = streamed(network) if fires else network
    made = []

    def component(circuit, device, folder, *, name):
        made.append(circuit)
        return Report()

    monkeypatch.setattr(array_cost, "synthesise_component", component)
    console = Console(file=io.StringIO())
    result = array_cost.measure_arrays(network, [(2, 4, 4)], tmp_path / "out", console)
    assert [row["sharing"] for row in result["rows"]] == ["shared", "unshared"]
    for circuit in made:
        assert (circuit.neurons is not None) == fires
        assert circuit.count_bits == Program(network, circuit.array).count_bits


def test_in_standard_cells_area_takes_the_place_of_luts(monkeypatch, tmp_path):
    class Cells:
        tools: ClassVar = {"stand-in": "1"}
        leakage, path = 5.0, None

        def __init__(self, array):
            self.area = 100.0 * array.multipliers + 10 * array.sngs

    def component(circuit, library, folder, *, name):
        assert library.name == "small"
        return Cells(circuit.array)

    monkeypatch.setattr(array_cost, "map_component", component)
    library = read_library(small_library(tmp_path))
    network, console = random_network(0, bits=3, lanes=4), Console(file=io.StringIO())
    out = tmp_path / "out"
    result = array_cost.measure_arrays(network, [(2, 4, 4)], out, console, library=library)
    shared, unshared = result["rows"]
    assert (result["device"], result["tag"]) == ("small", "post-synthesis, no wires")
    assert shared["sng_share"] == pytest.approx(10 * shared["sngs"] / shared["area"])
    assert unshared["area"] - shared["area"] == 10 * (unshared["sngs"] - shared["sngs"])
    assert "µm²" in (out / "arrays.svg").read_text()
