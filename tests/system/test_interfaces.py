"""Accelerators with other ports than the raw ones, in their own test benches; and with faults."""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import (
    compiled,
    padded_network,
    random_images,
    random_network,
    residual_network,
    retrained,
)

from bitrain.cli import main
from bitrain.cosim import simulate, write_testbench
from bitrain.cost import estimate
from bitrain.gen.ip.package import generate_ip
from bitrain.host import weight_image
from bitrain.program import Array, Interface, Options, Program
from bitrain.spec import BitrainError, Network, save_network

pytestmark = [pytest.mark.tools, pytest.mark.slow]  # with the real tools

NETWORK = random_network(1, bits=3, lanes=2, in_shape=(1, 4, 4))
ARRAY = Array(channels=2, positions=2, lanes=4)
ORED = Network.model_validate(dict(NETWORK) | {"or_lanes": 2})
SPARSE = random_network(2, bits=4, lanes=2, in_shape=(1, 5, 5))
icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog not installed")


def generate(
    directory: Path,
    interface: Interface,
    network: Network = NETWORK,
    array: Array = ARRAY,
    *,
    images: np.ndarray | None = None,
    **options: Any,
) -> Path:
    images = random_images(network, 2) if images is None else images

    def testbench(ip: Path) -> None:
        write_testbench(
            ip,
            compiled(network, array, interface=interface, **options),
            images,
            top="dut",
        )

    return generate_ip(
        compiled(network, array, interface=interface, **options),
        directory,
        name="dut",
        testbench=testbench,
    )


@pytest.fixture(scope="module")
def ip(tmp_path_factory) -> Path:
    return generate(tmp_path_factory.mktemp("ip") / "ip", Interface.usual("axi"))


@pytest.mark.parametrize(
    ("streams", "reset", "simulator", "network"),
    [
        ("axi", "low", "verilator", residual_network(3, bits=3, lanes=2)),
        ("axi", "low", "verilator", padded_network(3, bits=2, lanes=2)),
        pytest.param("axi", "high", "icarus", NETWORK, marks=icarus),
        # Activations of two bytes, scores of three.
        pytest.param("axi", "low", "icarus", random_network(5, bits=8, length=4), marks=icarus),
        pytest.param("raw", "low", "icarus", NETWORK, marks=icarus),
    ],
)
def test_bit_exact(tmp_path, streams, reset, simulator, network):
    interface = Interface(streams=streams, reset=reset)
    report = simulate(generate(tmp_path / "ip", interface, network), simulator=simulator, seed=1)
    assert report.problems == ()
    assert report.cycles == (estimate(Program(network, ARRAY)).latency,) * 2
    # Three scenarios, and with AXI two more of four and three images.
    images = (2 + 3 + 1) + (4 + 3) * (streams == "axi")
    stored = sum(layer.out_shape.size for layer in network.layers)
    assert report.values_compared >= images * stored


@pytest.mark.parametrize(
    ("streams", "simulator", "network"),
    [
        ("raw", "verilator", residual_network(1, bits=3, lanes=2)),
        pytest.param("raw", "icarus", padded_network(1, bits=2, lanes=2), marks=icarus),
        pytest.param("axi", "icarus", NETWORK, marks=icarus),
    ],
)
def test_several_engines(tmp_path, streams, simulator, network):
    """An image in each: values of all layers, scores, and the cycles of the schedule."""
    ip = generate(tmp_path / "ip", Interface.usual(streams), network, engines=2)
    report = simulate(ip, simulator=simulator, seed=3)
    assert report.problems == ()
    cost = compiled(network, ARRAY, engines=2).cost
    assert list(report.cycles) == cost.at_full_rate(2)[0]
    assert report.values_compared >= 6 * sum(layer.out_shape.size for layer in network.layers)


@pytest.mark.parametrize(
    ("streams", "simulator"),
    [("raw", "verilator"), pytest.param("axi", "icarus", marks=icarus)],
)
def test_every_stream_length(tmp_path, streams, simulator):
    """One accelerator, all prefixes, in one run of the test bench."""
    network = residual_network(2, bits=3, lanes=2)
    ip = generate(tmp_path / "ip", Interface.usual(streams), network, run_time_length=True)
    report = simulate(ip, simulator=simulator, seed=2)
    assert report.problems == ()
    program = Program(network, ARRAY, run_time_length=True)
    assert len(program.prefixes) >= 3
    results = json.loads((report.log.parent / "results.json").read_text())["scenarios"]
    for length, prefix in program.prefixes.items():
        cycles = estimate(Program(prefix, ARRAY, run_time_length=True)).latency
        assert results[f"length{length}"]["cycles"] == [cycles] * 2
        assert results[f"length{length}"]["mismatches"] == 0


@pytest.mark.parametrize(
    ("network", "channels", "run_time_length", "simulator"),
    [
        (residual_network(2, bits=3, lanes=2), 2, True, "verilator"),
        (padded_network(4, bits=3, lanes=2), 2, True, "verilator"),
        # Entries of two words: 7 x 5 bits.
        pytest.param(NETWORK, 7, False, "icarus", marks=icarus),
    ],
)
def test_weights_are_loaded(tmp_path, network, channels, run_time_length, simulator):
    options: Options = {"run_time_length": run_time_length, "weights": "ram"}
    array = Array(channels=channels, positions=1, lanes=4)
    ip = generate(tmp_path / "ip", Interface.usual("axi"), network, array, **options)
    report = simulate(ip, simulator=simulator, seed=2)
    assert report.problems == ()
    results = json.loads((report.log.parent / "results.json").read_text())["scenarios"]
    stored = sum(layer.out_shape.size for layer in network.layers)
    for part in ("in_use", "loaded", "after_reset", "restored"):
        assert results[f"weights_{part}"]["values_compared"] >= stored


@pytest.mark.parametrize(
    ("network", "weights", "simulator"),
    [
        (residual_network(2, bits=3, lanes=2), "rom", "verilator"),
        (padded_network(2, bits=3, lanes=2), "rom", "verilator"),
        pytest.param(ORED, "ram", "icarus", marks=icarus),
    ],
)
def test_early_termination(tmp_path, network, weights, simulator):
    options: Options = {"early_termination": True, "weights": weights}
    ip = generate(tmp_path / "ip", Interface.usual("axi"), network, **options)
    report = simulate(ip, simulator=simulator, seed=3)
    assert report.problems == ()
    assert len(report.ladder_cycles) == 6
    program = Program(network, ARRAY, **options)
    cycles = [estimate(Program(p, ARRAY, **options)).latency for p in program.prefixes.values()]
    assert max(found or 0 for found in report.ladder_cycles) > max(cycles)  # more than one pass
    # All images with margins that none reaches: at all lengths in turn.
    ladder = ",".join(f"{length}=500" for length in list(program.prefixes)[1:])
    report = simulate(ip, simulator=simulator, ladder=ladder)
    assert report.problems == ()
    assert report.ladder_cycles == (sum(cycles),) * 2
    for wrong in ("3=1", "4=-1", f"4={1 << 31}"):
        with pytest.raises(BitrainError, match=f"ladder '{wrong}': expected LENGTH=MARGIN"):
            simulate(ip, simulator=simulator, ladder=wrong)


@pytest.mark.parametrize(
    ("streams", "simulator", "options"),
    [
        ("raw", "verilator", {}),
        pytest.param("axi", "icarus", {"weights": "ram"}, marks=icarus),
        pytest.param("axi", "icarus", {"early_termination": True}, marks=icarus),
        pytest.param("raw", "icarus", {"engines": 2}, marks=icarus),
    ],
)
def test_zeros_are_skipped(tmp_path, streams, simulator, options):
    """Cycles of each image by itself, with its own weights and others, at every length."""
    array = Array(channels=2, positions=2, lanes=2)
    images = random_images(SPARSE, 2)
    images[0] = 0
    images[1, :, 1:] = 0
    ip = generate(
        tmp_path / "ip",
        Interface.usual(streams),
        SPARSE,
        array,
        images=images,
        skip_zeros=True,
        **options,
    )
    report = simulate(ip, simulator=simulator, seed=3)
    assert report.problems == ()
    usual = Interface.usual(streams)
    most = compiled(SPARSE, array, interface=usual, **options).cost.at_full_rate(2)[0]
    assert list(report.most_cycles) == most
    zeros, some = report.cycles
    # With two engines the second image waits for the first, and zeros keep it waiting less.
    assert zeros and some and zeros < some < most[1] and zeros < most[0]


LADDER_FAULTS = {
    "one pass only": (r"assign again = [^;]*;", "assign again = 0;"),
    "margins are zero": (r"margin <= [^;]*;", "margin <= 0;"),
}


@icarus
@pytest.mark.parametrize("fault", LADDER_FAULTS)
def test_fault_of_early_termination_is_found(tmp_path, fault):
    ip = generate(tmp_path / "sound", Interface.usual("axi"), early_termination=True)
    copy = changed(ip, tmp_path, *LADDER_FAULTS[fault])
    assert not simulate(copy, simulator="icarus").passed


WEIGHT_FAULTS = {
    "weights are written while busy": (r"= ~ busy;", "= 1;"),
    "words in part are taken": (r"put & whole;", "put;"),
    "biases stay": (r"if \(bias_in__en\)", "if (0)"),
}


@pytest.fixture(scope="module")
def loadable_ip(tmp_path_factory) -> Path:
    return generate(tmp_path_factory.mktemp("ip") / "ip", Interface.usual("axi"), weights="ram")


@icarus
@pytest.mark.parametrize("fault", WEIGHT_FAULTS)
def test_fault_of_loading_is_found(loadable_ip: Path, tmp_path, fault):
    copy = changed(loadable_ip, tmp_path, *WEIGHT_FAULTS[fault])
    assert not simulate(copy, simulator="icarus", images=1).passed


def test_image_of_another_training(loadable_ip: Path, tmp_path, monkeypatch, capsys):
    """The command, and what it says of a network that does not fit."""
    other, out = retrained(NETWORK), tmp_path / "other.bin"
    for name, network in (("other", other), ("wrong", residual_network(1, bits=3, lanes=2))):
        save_network(network, tmp_path / f"{name}.npz")

    def call(network: str) -> int | str | None:
        arguments = ["weights", loadable_ip, tmp_path / f"{network}.npz", "--out", out]
        monkeypatch.setattr(sys, "argv", ["bitrain", *map(str, arguments)])
        with pytest.raises(SystemExit) as status:
            main()
        return status.value.code

    assert call("other") == 0
    words = weight_image(Program(NETWORK, ARRAY, weights="ram"), other)
    assert out.read_bytes() == words.astype("<u4").tobytes()
    assert f"{len(words):,} words of 32 bits" in capsys.readouterr().out
    assert call("wrong") == 2
    assert "does not fit the accelerator" in capsys.readouterr().err


FAULTS = {
    "frames that end early are not called back": (r"assign rewind = .*;", "assign rewind = 0;"),
    "pixels beyond the frame are not swallowed": (r"missing = \\\$\d+ ;", "missing = 0;"),
    "scores are zero": (r"assign m_axis_tdata = .*;", "assign m_axis_tdata = 0;"),
    "the last score is not marked": (r"assign m_axis_tlast = .*;", "assign m_axis_tlast = 0;"),
}


@icarus
@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_found(ip: Path, tmp_path, fault):
    copy = changed(ip, tmp_path, *FAULTS[fault])
    assert not simulate(copy, simulator="icarus", images=1).passed


def changed(ip: Path, folder: Path, pattern: str, replacement: str) -> Path:
    """A copy of the IP folder whose Verilog has a fault."""
    copy = Path(shutil.copytree(ip, folder / "ip", ignore=shutil.ignore_patterns("sim_build")))
    source = copy / "rtl" / "dut.v"
    text, count = re.subn(pattern, replacement, source.read_text())
    assert count >= 1, "the generated Verilog says it in another way"
    source.write_text(text)
    return copy
