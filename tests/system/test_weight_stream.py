"""Weights from outside, in the test benches of IP folders: late, broken, limited; and faults."""

import json
import re
import shutil
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import compiled, padded_network, random_images, random_network, worded
from simulators import require

from bitrain.cli import main
from bitrain.cosim import simulate, write_testbench
from bitrain.gen.ip.package import generate_ip
from bitrain.host import weight_beats
from bitrain.program import AcceleratorConfig, Array, Program
from bitrain.spec import BitrainError, Network, save_network

pytestmark = [pytest.mark.tools, pytest.mark.slow]  # with the real tools

NETWORK = random_network(2, bits=3, lanes=2)
ARRAY = Array(channels=2, positions=2, lanes=2)
EXITS = ({"length": 2, "margin": 3}, {"length": 4, "margin": 9})


def generate(directory: Path, network: Network, array: Array, **options: Any) -> Path:
    asked = {"array": array, "weights": "stream", "weight_beat": 8, **options}
    config = AcceleratorConfig.model_validate(asked)
    changes = {name: getattr(config, name) for name in asked if name != "array"}
    engines = compiled(network, array, **changes)
    images = random_images(network, 2)

    def testbench(ip: Path) -> None:
        write_testbench(ip, engines, images, top="dut")

    return generate_ip(engines, directory, name="dut", testbench=testbench)


@pytest.mark.parametrize(
    ("simulator", "network", "width", "options"),
    [
        ("verilator", NETWORK, 1, {"interface": "axi"}),
        ("icarus", NETWORK, 1, {"weight_beat": 64}),
        ("verilator", worded(padded_network(4, bits=3, lanes=2), 2), 2, {"interface": "axi"}),
        ("verilator", NETWORK, 1, {"interface": "axi", "engines": 2}),
        ("icarus", NETWORK, 1, {"engines": 2}),
        ("verilator", NETWORK, 1, {"interface": "axi", "early_termination": True}),
        ("icarus", NETWORK, 1, {"early_termination": True, "exits": EXITS}),
        ("icarus", NETWORK, 1, {"run_time_length": True}),
        ("verilator", NETWORK, 1, {"skip_zeros": True, "early_termination": True, "exits": EXITS}),
        ("icarus", NETWORK, 2, {"arithmetic": "binary"}),
        ("verilator", NETWORK, 1, {"arithmetic": "bitserial", "run_time_length": True}),
    ],
)
def test_scores_and_cycles(tmp_path, simulator, network, width, options):
    """In all scenarios; where the stream is narrow, images take more cycles than it is told."""
    require(simulator)
    array = ARRAY.model_copy(
        update={"width": width, "arithmetic": options.pop("arithmetic", "stochastic")}
    )
    exits = options.pop("exits", ())
    network = Network.model_validate(dict(network) | {"exits": exits})
    ip = generate(tmp_path / "ip", network, array, **options)
    report = simulate(ip, simulator=simulator, seed=width)
    assert report.problems == ()
    results = json.loads((report.log.parent / "results.json").read_text())["scenarios"]
    for name in ("feed_paused", "feed_broken", "feed_limited"):
        assert results[name]["values_compared"]
    if options.get("interface") == "axi":
        assert results["feed_modelled"]["values_compared"]
    limited, full = results["feed_limited"]["cycles"], results["full_rate"]["cycles"]
    assert all(slow > fast for slow, fast in zip(limited, full, strict=True))


FAULTS = {
    "the first word is read too soon": (r"\| tile__ready;", "| 1'h1;"),
    "a half is filled while it is read": (r"held != 2'h2;", "1'h1;"),
    "broken frames are used": (r"abort = used;", "abort = 0;"),
    "the length is forgotten": (r"held_log_length <= [^;]*;", "held_log_length <= 0;"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("ip") / "ip"
    return generate(directory, NETWORK, ARRAY, interface="axi", early_termination=True)


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(sound, tmp_path, fault):
    require("icarus")
    copy = Path(shutil.copytree(sound, tmp_path / "ip"))
    source = copy / "rtl" / "dut.v"
    changed, count = re.subn(*FAULTS[fault], source.read_text())
    assert count
    source.write_text(changed)
    assert not simulate(copy, simulator="icarus", images=1).passed


def test_a_file_of_other_weights_is_found(sound, tmp_path):
    require("icarus")
    copy = Path(shutil.copytree(sound, tmp_path / "ip"))
    file, manifest = copy / "weights" / "dut.bin", copy / "tb" / "manifest.json"
    octets = bytes(byte ^ 1 for byte in file.read_bytes())
    file.write_bytes(octets)
    with pytest.raises(
        BitrainError, match=r"dut\.bin has other weights, not the [\d,]+ beats of 8"
    ):
        simulate(copy, simulator="icarus", images=1)
    described = json.loads(manifest.read_text())
    described["weight_streams"][0]["sha256"] = sha256(octets).hexdigest()
    manifest.write_text(json.dumps(described))
    assert simulate(copy, simulator="icarus", images=1).mismatches


@pytest.mark.parametrize("change", [-1, 0, 1])
def test_a_file_of_another_size_is_refused(sound, tmp_path, change):
    require("icarus")
    copy = Path(shutil.copytree(sound, tmp_path / "ip"))
    file = copy / "weights" / "dut.bin"
    octets = file.read_bytes()
    file.write_bytes(octets[:change] if change < 1 else octets + b"1")
    size = f"{len(file.read_bytes()):,}"
    with pytest.raises(
        BitrainError, match=f"dut.bin has {size} bytes, not the .* `bitrain weights`"
    ):
        simulate(copy, simulator="icarus", images=1)


def call(monkeypatch, *arguments: Any) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["bitrain", *map(str, arguments)])
    with pytest.raises(SystemExit) as status:
        main()
    return status.value.code


def test_the_command_writes_the_frame(sound, tmp_path, monkeypatch, capsys):
    out = tmp_path / "frame.bin"
    assert call(monkeypatch, "weights", sound, sound / "network.npz", "--out", out) == 0
    program = Program(NETWORK, ARRAY, weights="stream", weight_beat=8)
    assert out.read_bytes() == weight_beats(program).tobytes()
    assert out.read_bytes() == (sound / "weights" / "dut.bin").read_bytes()
    assert f"{len(weight_beats(program)):,} beats of 8 bits" in capsys.readouterr().out
    save_network(random_network(3, bits=3, lanes=2), tmp_path / "other.npz")
    code = call(monkeypatch, "weights", sound, tmp_path / "other.npz", "--out", out)
    assert code != 0 and "is not the one that" in capsys.readouterr().err


@pytest.mark.parametrize(
    "case",
    [
        ("", "--out '.': expected the name of a file"),
        ("/dev/null", "/dev/null: not the name of a file that can be written"),
        ("{ip}/network.npz", "lies in the IP folder"),
        ("{ip}/rtl/dut.v", "lies in the IP folder"),
        ("{ip}/weights", "lies in the IP folder"),
        ("{ip}/..", "is a folder; give another --out"),
    ],
)
def test_the_command_replaces_nothing_else(sound, tmp_path, monkeypatch, capsys, case):
    out, said = case
    copy = Path(shutil.copytree(sound, tmp_path / "ip"))
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    code = call(monkeypatch, "weights", copy, copy / "network.npz", "--out", out.format(ip=copy))
    assert code == 2 and said in capsys.readouterr().err
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before
    assert Path("/dev/null").is_char_device()


def test_the_command_writes_all_files_or_none(tmp_path, monkeypatch, capsys):
    ip = generate(tmp_path / "ip", NETWORK, ARRAY, engines=2)
    (tmp_path / "frame1.bin").mkdir()
    code = call(monkeypatch, "weights", ip, ip / "network.npz", "--out", tmp_path / "frame.bin")
    assert code == 2 and "frame1.bin: is a folder" in capsys.readouterr().err
    assert not (tmp_path / "frame0.bin").exists()


def test_the_command_writes_a_file_for_each_engine(tmp_path, monkeypatch):
    ip, out = generate(tmp_path / "ip", NETWORK, ARRAY, engines=2), tmp_path / "frame.bin"
    assert call(monkeypatch, "weights", ip, ip / "network.npz", "--out", out) == 0
    for number in range(2):
        written = (tmp_path / f"frame{number}.bin").read_bytes()
        assert written == (ip / "weights" / f"dut{number}.bin").read_bytes()
        assert np.any(np.frombuffer(written, np.uint8))
