"""Streams against integers: what is compared, and what is refused."""

import io
import json
from typing import ClassVar

import pytest
from networks import random_images, random_network, streamed
from rich.console import Console
from standard_cells import small_library

from bitrain.cli.render.studies import arithmetic_table, energy_table
from bitrain.cost import estimate
from bitrain.gen.asic.liberty import read_library
from bitrain.gen.asic.timing import Path
from bitrain.gen.families.resources import Resources
from bitrain.gen.ip.config import read_config
from bitrain.program import Array, Program
from bitrain.spec import BitrainError
from bitrain.studies import arithmetic, array_energy
from bitrain.studies.arithmetic import measure_arithmetic, parse_kinds, parse_neurons


class Report:
    """What synthesis finds: as many LUTs as the circuit has counts, doubled for integers."""

    tools: ClassVar = {"stand-in": "1"}
    fmax_mhz = 90.0

    def __init__(self, array):
        lut = array.neurons * (2 if array.arithmetic == "binary" else 1)
        self.resources = Resources(lut=100 * lut, carry_lut=lut, ff=3, dsp=int(array.dsp))


@pytest.fixture
def measure(monkeypatch, tmp_path):
    """Compare with a stand-in for synthesis; return the result and the arrays synthesised."""

    def call(*networks, **options):
        made = []

        def component(circuit, device, folder, *, name):
            made.append(circuit.array)
            return Report(circuit.array)

        def package(folder, device, *, frequency):
            made.append(read_config(folder).array)
            return Report(made[-1])

        monkeypatch.setattr(arithmetic, "synthesise_component", component)
        monkeypatch.setattr(arithmetic, "synthesise", package)
        console = Console(file=io.StringIO())
        return measure_arithmetic(networks, (2, 3), tmp_path / "out", console, **options), made

    return call


def test_rows(measure, tmp_path):
    study = tmp_path / "study.json"
    row = {"stream_length": 8, "sc_fine_tuned": 98.5, "int_fine_tuned": 99.5}
    study.write_text(json.dumps({"by_length": [row]}))
    networks = random_network(0, bits=3, lanes=4), random_network(1, bits=2, lanes=8)
    result, made = measure(*networks, clock_mhz=50, accuracies=study)
    # As many lanes as streams are long, also where the network was exported for more; or one.
    assert [(array.arithmetic, array.lanes) for array in made] == [
        ("stochastic", 8),
        ("binary", 1),
        ("bitserial", 9),
        ("stochastic", 4),
        ("binary", 1),
        ("bitserial", 4),
    ]
    streams, integers, _, shorter, *_ = result["rows"]
    binary = Array(channels=2, positions=3, lanes=1, arithmetic="binary")
    cycles = estimate(Program(networks[0], binary)).initiation_interval
    assert integers["image_cycles"] == cycles
    assert integers["images_per_s"] == pytest.approx(50e6 / cycles)
    assert integers["lut"] == 1200 == 2 * streams["lut"]
    assert integers["images_per_s_per_klut"] == pytest.approx(integers["images_per_s"] / 1.2)
    assert (streams["accuracy"], integers["accuracy"], shorter["accuracy"]) == (98.5, 99.5, None)
    assert json.loads((tmp_path / "out" / "arithmetic.json").read_text()) == result
    assert "<svg" in (tmp_path / "out" / "arithmetic.svg").read_text()
    assert arithmetic_table(result).row_count == 6
    again, made = measure(*networks, clock_mhz=100, accuracies=study)
    assert made == []  # kept
    assert again["rows"][0]["images_per_s"] == 2 * streams["images_per_s"]


def test_whole_accelerators_at_the_clock_that_routing_finds(measure, tmp_path):
    result, made = measure(random_network(0, bits=3, lanes=4), whole=True, clock_mhz=50)
    assert [array.arithmetic for array in made] == ["stochastic", "binary", "bitserial"]
    _, integers, _ = result["rows"]
    assert integers["clock_mhz"] == 90
    assert integers["images_per_s"] == pytest.approx(90e6 / integers["image_cycles"])
    assert result["circuit"] == "accelerator" and result["tag"].startswith("post-route")
    assert arithmetic_table(result).row_count == 3
    assert measure(random_network(0, bits=3, lanes=4), whole=True, clock_mhz=50)[1] == []  # kept
    array, _ = measure(random_network(0, bits=3, lanes=4))
    assert "clock_mhz" not in array["rows"][0] and array["circuit"] == "array"


def test_wide_arrays_and_dsp_blocks(measure):
    """A multiplier for each of the W operands that come in a cycle; bits wait in as many lanes."""
    kinds = ("binary", "dsp", "bitserial")
    result, made = measure(random_network(0, bits=3, lanes=4), kinds=kinds, width=2, max_lanes=8)
    assert [(array.lanes, array.dsp) for array in made] == [(2, False), (2, True), (8, False)]
    assert [row["arithmetic"] for row in result["rows"]] == list(kinds)
    assert all(row["width"] == 2 for row in result["rows"])


def test_kinds():
    assert parse_kinds("dsp,binary,dsp") == ["dsp", "binary"]
    with pytest.raises(BitrainError, match="--arithmetics decimal: expected some of stochastic, "):
        parse_kinds("decimal")


@pytest.mark.parametrize("text", ["4", "4x", "4x4x4", "axb"])
def test_neurons_are_two_numbers(text):
    with pytest.raises(BitrainError, match=f"--neurons {text}: expected P x Q such as 4x4"):
        parse_neurons(text)


def test_refused(measure, tmp_path):
    with pytest.raises(BitrainError, match="no result of `bitrain accuracy`"):
        measure(random_network(0), accuracies=tmp_path / "missing.json")
    assert parse_neurons("4x8") == (4, 8)


class Cells:
    """What mapping finds."""

    tools: ClassVar = {"stand-in": "1"}
    area, leakage = 1200.0, 5.0
    path = Path(delay=0.5, begin="a", end="b", cells=3)


def test_in_standard_cells(monkeypatch, tmp_path):
    """A MAC of streams takes a lane L cycles."""

    asked = []

    def component(circuit, library, folder, *, name, frequency):
        asked.append((library.name, frequency))
        return Cells()

    monkeypatch.setattr(arithmetic, "map_component", component)
    library = read_library(small_library(tmp_path))
    network, console = random_network(0, bits=3, lanes=4), Console(file=io.StringIO())
    options = {"library": library, "clock_mhz": 400}
    result = measure_arithmetic([network], (2, 3), tmp_path / "out", console, **options)
    streams, integers, bits = result["rows"]
    assert asked == [("small", 400)] * 3 and result["device"] == "small"
    assert streams["area_per_mac"] == 1200 * 8 / (2 * 3 * streams["lanes"])
    assert integers["area_per_mac"] == 1200 / 6
    assert bits["area_per_mac"] == 1200 * 9 / (2 * 3 * 9)
    rate = streams["images_per_s"]
    assert rate == 4e8 / streams["image_cycles"]
    assert streams["images_per_s_per_mm2"] == pytest.approx(1e6 * rate / 1200)
    assert arithmetic_table(result).row_count == 3
    with pytest.raises(BitrainError, match="--whole routes accelerators on an FPGA"):
        measure_arithmetic([network], (2, 3), tmp_path / "out", console, whole=True, **options)


def test_energy_of_images(monkeypatch, tmp_path):
    """Each network with its images, after its array is mapped, and kept with it."""
    asked = []

    def energy(network, array, netlist, library, images, *, clock_mhz, leakage, shorter):
        assert shorter is None
        asked.append((network.name, array.arithmetic, images[0, 0, 0, 0], clock_mhz, leakage))
        assert netlist.parts[-3:] == ("synth", "small", "netlist.json")
        numbers = {"energy_per_image": 1500.0, "energy_per_image_glitches": 1750.0}
        numbers |= {"energy_error": 2.5, "energy_per_mac": 321.0, "leakage_per_image": 0.5}
        numbers |= {"energy_by_part": {"clock": 600.0, "inputs": 5.0}}
        return numbers

    monkeypatch.setattr(arithmetic, "map_component", lambda *args, **options: Cells())
    monkeypatch.setattr(array_energy, "measure_energy", energy)
    library = read_library(small_library(tmp_path))
    networks = [random_network(0, bits=3, lanes=4), random_network(1, bits=2, lanes=4)]
    images = [random_images(network, 2) for network in networks]
    options = {
        "kinds": ("stochastic", "binary"),
        "library": library,
        "clock_mhz": 400,
        "images": images,
    }
    console = Console(file=io.StringIO())
    result = measure_arithmetic(networks, (2, 3), tmp_path / "out", console, **options)
    firsts = [each[0, 0, 0, 0] for each in images]
    assert [each[1:] for each in asked] == [
        (kind, first, 400, 5.0) for first in firsts for kind in ("stochastic", "binary")
    ]
    assert all(row["energy_per_image"] == 1500 for row in result["rows"])
    assert "no wires, no clock tree, no memories" in result["energy"]
    table = energy_table(result)
    assert table.caption == result["energy"] and "small, 400 MHz" in str(table.title)
    cells = [list(column.cells) for column in table.columns]
    assert cells[0][:2] == ["n = 3, stochastic, N = 8", "n = 3, binary, N = 1"]
    assert [each[0] for each in cells[1:]] == ["1,500", "2.5", "40%", "1,750", "321", "0.5"]
    assert arithmetic_table(result).row_count == 4
    measure_arithmetic(networks, (2, 3), tmp_path / "out", console, **options)
    assert len(asked) == 4  # kept
    options["images"] = [images[0], images[1] // 2]
    measure_arithmetic(networks, (2, 3), tmp_path / "out", console, **options)
    assert len(asked) == 6
    streams = [streamed(networks[0])]
    with pytest.raises(BitrainError, match="layers in stream mode"):
        measure_arithmetic(streams, (2, 3), tmp_path / "out", console, **options)
