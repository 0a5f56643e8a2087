"""Energy of an image: arrays of all arithmetics, mapped, and what its parts must be."""

import json

import numpy as np
import pytest
from networks import random_images, random_network, streamed
from standard_cells import small_library

from bitrain.gen.asic.liberty import read_library
from bitrain.gen.asic.mapping import map_component, mapped_netlist
from bitrain.program import ARITHMETICS, Array, Program
from bitrain.rtl.array.arrays import build_array
from bitrain.spec import BitrainError
from bitrain.studies.array_energy import check_energy, measure_energy

NETWORK = random_network(3, bits=3, lanes=4)
OPTIONS = {"clock_mhz": 200.0, "leakage": 4000.0, "chunks": 64}


def mapped(folder, arithmetic: str, network=NETWORK):
    """Library, array, and its netlist."""
    library = read_library(small_library(folder))
    array = Array(channels=2, positions=2, lanes=4, arithmetic=arithmetic)
    report = map_component(
        build_array(Program(network, array)), library, folder / "out", name="array"
    )
    return library, array, mapped_netlist(folder / "out", library), report


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_an_image_on_each_array(tmp_path, arithmetic) -> None:
    library, array, netlist, report = mapped(tmp_path, arithmetic)
    images = random_images(NETWORK, 3)
    found = measure_energy(NETWORK, array, netlist, library, images, **OPTIONS)
    program = Program(NETWORK, array)
    chunks = [tiling.tiles * tiling.chunks for tiling in program.tilings]
    cycles = sum(np.multiply(chunks, program.chunk_cycles))
    assert found["array_cycles"] == cycles
    # Each flip-flop's clock pin has 3 fF at 1 V, and takes C V² a cycle.
    clock = report.cells["DFF"] * 0.003e-12 * cycles * 1e9
    assert found["energy_by_part"]["clock"] == pytest.approx(clock)
    assert sum(found["energy_by_part"].values()) == pytest.approx(found["energy_per_image"])
    assert 0 < found["energy_by_part"]["inputs"] < found["energy_by_part"]["logic"]
    assert found["energy_per_image"] < found["energy_per_image_glitches"]
    assert 0 < found["energy_error"] < 0.2 * found["energy_per_image"]
    macs = sum(layer.macs for layer in NETWORK.layers)
    assert found["energy_per_mac"] == pytest.approx(1e6 * found["energy_per_image"] / macs)
    assert found["leakage_per_image"] == pytest.approx(4e-6 * cycles / 200e6 * 1e9)
    assert found["chunks_simulated"] == 64 * len(NETWORK.layers) and found["images"] == 3
    again = measure_energy(NETWORK, array, netlist, library, images, **OPTIONS)
    assert again == found
    nothing = measure_energy(NETWORK, array, netlist, library, 0 * images, **OPTIONS)
    assert nothing["energy_per_image"] < found["energy_per_image"]


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize(("arithmetic", "cycles"), [("stochastic", 4), ("bitserial", 4)])
def test_a_shorter_run(tmp_path, arithmetic, cycles) -> None:
    """L = 4 of 8 cycles, 2 of 3 bits: the counts are those of that run, in fewer cycles."""
    library, array, netlist, _ = mapped(tmp_path, arithmetic)
    images = random_images(NETWORK, 2)
    whole = measure_energy(NETWORK, array, netlist, library, images, **OPTIONS)
    shorter = array.rules.shorter(NETWORK)[4]
    found = measure_energy(NETWORK, array, netlist, library, images, shorter=shorter, **OPTIONS)
    all_cycles = array.rules.cycles(NETWORK, NETWORK.layers[0])
    assert found["array_cycles"] * all_cycles == whole["array_cycles"] * cycles
    assert found["energy_per_image"] < whole["energy_per_image"]


@pytest.mark.tools
@pytest.mark.slow
def test_or_groups(tmp_path) -> None:
    network = NETWORK.model_copy(update={"or_lanes": 2})
    library, array, netlist, _ = mapped(tmp_path, "stochastic", network)
    images = random_images(network, 1)
    found = measure_energy(network, array, netlist, library, images, **OPTIONS)
    assert found["energy_per_image"] > 0
    another = "its energy is worth nothing; give another --out"
    with pytest.raises(BitrainError, match=another):
        measure_energy(NETWORK, array, netlist, library, images, **OPTIONS)


@pytest.mark.tools
@pytest.mark.slow
def test_gates_that_count_otherwise_are_an_error(tmp_path) -> None:
    library, array, netlist, _ = mapped(tmp_path, "binary")
    content = json.loads(netlist.read_text())
    cells = content["modules"]["array"]["cells"]
    next(cell for cell in cells.values() if cell["type"] == "XOR2")["type"] = "NAND2"
    netlist.write_text(json.dumps(content))
    with pytest.raises(BitrainError, match=r"layer '.*': the mapped array counts \d+ for neuron"):
        measure_energy(NETWORK, array, netlist, library, random_images(NETWORK, 2), **OPTIONS)


def test_stream_mode_is_refused() -> None:
    check_energy(NETWORK)
    with pytest.raises(BitrainError, match="layers in stream mode, whose array's energy is not"):
        check_energy(streamed(NETWORK))
