"""Arrays by themselves: what is synthesised is what the network's accelerator has."""

import io
from typing import Any, ClassVar

import pytest
from networks import random_images, random_network, streamed
from rich.console import Console
from standard_cells import small_library

from bitrain.cli.render.studies import arrays_table, energy_table
from bitrain.gen.asic.liberty import read_library
from bitrain.gen.asic.timing import Path
from bitrain.gen.families.resources import Resources
from bitrain.program import Program
from bitrain.spec import BitrainError
from bitrain.studies import array_cost, array_energy


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


def test_energy_of_images(monkeypatch, tmp_path):
    """A row gets it once its array is mapped, at the clock that cells are sized for."""

    class Cells:
        tools: ClassVar = {"stand-in": "1"}
        area, leakage = 100.0, 5.0
        path = Path(delay=0.5, begin="a", end="b", cells=3)

    asked = []

    def energy(network, array, netlist, library, images, *, clock_mhz, leakage, shorter):
        asked.append((array.sharing, len(images), clock_mhz, leakage))
        numbers = {"energy_per_image": 1500.0, "energy_per_image_glitches": 1750.0}
        numbers |= {"energy_error": 2.5, "energy_per_mac": 321.0, "leakage_per_image": 0.5}
        numbers |= {"energy_by_part": {"clock": 600.0, "inputs": 5.0}}
        return numbers

    monkeypatch.setattr(array_cost, "map_component", lambda *args, **options: Cells())
    monkeypatch.setattr(array_energy, "measure_energy", energy)
    network, console = random_network(0, bits=3, lanes=4), Console(file=io.StringIO())
    options: dict[str, Any] = {"library": read_library(small_library(tmp_path))}
    options["images"] = random_images(network, 3)
    result = array_cost.measure_arrays(network, [(2, 4, 4)], tmp_path, console, **options)
    assert asked == [("shared", 3, 500, 5.0), ("unshared", 3, 500, 5.0)]
    assert "no wires, no clock tree, no memories" in result["energy"]
    table = energy_table(result)
    assert table.caption == result["energy"] and "small, 500 MHz" in str(table.title)
    assert list(table.columns[0].cells) == ["2 x 4 x 4, shared SNGs", "2 x 4 x 4, unshared SNGs"]
    assert list(table.columns[1].cells) == ["1,500", "1,500"]
    assert arrays_table(result).row_count == 2
    streams = streamed(network)
    with pytest.raises(BitrainError, match="layers in stream mode"):
        array_cost.measure_arrays(streams, [(2, 4, 4)], tmp_path, console, **options)
