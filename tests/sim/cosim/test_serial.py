"""The accelerator behind its serial line, at the pins: replies equal golden, faults are seen."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from networks import random_images, random_network
from simulators import require

from bitrain.cosim import Simulator, simulate_serial
from bitrain.gen.ip.verilog import write_verilog
from bitrain.program import Array, Program
from bitrain.rtl.ports.serial_accelerator import SerialAccelerator

pytestmark = [pytest.mark.tools, pytest.mark.slow]

ARRAY = Array(channels=2, positions=2, lanes=2)
LINE: dict[str, Any] = {"divisor": 8, "gap_cycles": 800}


@pytest.fixture(scope="module")
def network():
    return random_network(1, bits=3, lanes=2, in_shape=(1, 4, 4))


@pytest.fixture(scope="module")
def sources(network, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("serial")
    write_verilog(SerialAccelerator(Program(network, ARRAY), **LINE), folder, "board")
    return folder


def simulate(folder: Path, network, simulator: Simulator = "icarus"):
    require(simulator)
    images = random_images(network, 2)
    return simulate_serial(
        folder, network, ARRAY, images, top="board", simulator=simulator, seed=3, **LINE
    )


@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_replies_equal_golden_and_the_line_recovers(network, sources, simulator):
    report = simulate(sources, network, simulator)
    assert report.problems == ()
    disturbances = 5
    assert report.images == 2 + disturbances
    assert report.values_compared == report.images * (network.num_scores + 2)


def test_a_wrong_bias_is_seen(network, sources, tmp_path):
    copy = Path(shutil.copytree(sources, tmp_path / "copy"))
    words = (copy / "rom/biases.mem").read_text().split("\n")
    line = Program(network, ARRAY).bias_bases[-1]
    words[line] = words[line][:-1] + str(1 - int(words[line][-1]))
    (copy / "rom/biases.mem").write_text("\n".join(words))
    report = simulate(copy, network)
    assert not report.passed
    assert any("scores" in problem for problem in report.problems)
