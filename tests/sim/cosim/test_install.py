"""The written test bench: complete, self-contained, reproducible, replaced as a whole."""

import ast
import json
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from networks import compiled, random_images, random_network

from bitrain import cosim, golden
from bitrain.accelerator import Engines
from bitrain.cosim import testbench
from bitrain.cosim.manifest import describe_ports
from bitrain.cosim.testbench.vectors import Vectors
from bitrain.cost import estimate
from bitrain.gen.tools import verilator
from bitrain.host import weight_beats, weight_image
from bitrain.host.weight_image import num_image_words
from bitrain.program import Array, Interface, Program
from bitrain.spec import BitrainError, with_prefix

NETWORK = random_network(3)
ARRAY = Array(channels=2, positions=2, lanes=4)
IMAGES = random_images(NETWORK, 3)


@pytest.fixture
def ip(tmp_path: Path) -> Path:
    """A folder that looks like an IP package."""
    for name in ("rtl/top.v", "rom/weights.mem", "rom/biases.mem"):
        path = tmp_path / "ip" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "ip"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_verilator_is_found_as_bitrain_finds_it(ip: Path):
    cosim.write_testbench(ip, compiled(NETWORK, ARRAY), IMAGES)
    copy, original = ip / "tb" / "verilator.py", Path(verilator.__file__)
    assert copy.read_bytes() == original.read_bytes()
    assert not copy.is_symlink()


def test_manifest(ip: Path):
    cosim.write_testbench(ip, compiled(NETWORK, ARRAY), IMAGES)
    program, cost = Program(NETWORK, ARRAY), estimate(Program(NETWORK, ARRAY))
    assert json.loads((ip / "tb" / "manifest.json").read_text()) == {
        "format": 6,
        "network": NETWORK.name,
        "top": "top",
        "sources": ["rtl/top.v"],
        "ports": describe_ports(Engines.of(program)),
        "registers": None,
        "state": {},
        "weights": None,
        "weight_streams": [],
        "runs": [],
        "limited": None,
        "early_termination": False,
        "exits": {},
        "memories": ["rom/biases.mem", "rom/weights.mem"],
        "activation_bits": program.activation_bits,
        "score_bits": program.score_bits,
        "layers": [
            {"name": layer.name, "shape": list(layer.out_shape), "out_base": base, "phase": 0}
            for layer, base in zip(NETWORK.layers, program.out_bases, strict=True)
        ],
        "width": 1,
        "pixel_bits": 5,
        "images": 3,
        "engines": [len(NETWORK.layers)],
        "full_rate": {
            "cycles": [cost.latency] * 3,
            "intervals": [cost.initiation_interval] * 2,
            "most_cycles": [cost.latency] * 3,
        },
        "lengths": [{"length": 16, "predicted_cycles": cost.latency}],
    }


def test_vectors_are_those_of_the_golden_model(ip: Path):
    cosim.write_testbench(ip, compiled(NETWORK, ARRAY), IMAGES)
    vectors = Vectors.load(ip / "tb")
    *activations, scores = golden.run(NETWORK, IMAGES)
    np.testing.assert_array_equal(vectors.pixels, IMAGES.reshape(3, -1))
    np.testing.assert_array_equal(vectors.scores, scores.reshape(3, -1))
    assert len(vectors.layers) == len(activations)
    for layer, expected in zip(vectors.layers, activations, strict=True):
        assert layer.shape == expected.shape[1:]
        np.testing.assert_array_equal(layer.expected, expected.reshape(3, -1))


def test_vectors_of_every_length(ip: Path):
    cosim.write_testbench(ip, compiled(NETWORK, ARRAY, run_time_length=True), IMAGES)
    manifest = json.loads((ip / "tb" / "manifest.json").read_text())
    lengths = [entry["length"] for entry in manifest["lengths"]]
    assert lengths[:2] == [16, 8]
    for rung, length in enumerate(lengths):
        vectors, prefix = Vectors.load(ip / "tb", rung), with_prefix(NETWORK, length)
        *_, scores = golden.run(prefix, IMAGES)
        np.testing.assert_array_equal(vectors.scores, scores.reshape(3, -1))
        cycles = estimate(Program(prefix, ARRAY, run_time_length=True)).latency
        assert vectors.predicted_cycles.tolist() == [cycles] * 3


def test_cycles_where_zeros_are_skipped(ip: Path):
    """Of each image, at each length and with other weights; intervals go with the first of two."""
    images = IMAGES.copy()
    images[1] = 0
    options = {"weights": "ram", "skip_zeros": True, "interface": Interface.usual("axi")}
    array = Array(channels=2, positions=2, lanes=4)
    cosim.write_testbench(
        ip,
        compiled(NETWORK, array, run_time_length=True, **options),
        images,
    )
    most = estimate(Program(NETWORK, array, run_time_length=True)).latency
    own, other = Vectors.load(ip / "tb"), Vectors.load(ip / "tb", expected="other")
    for vectors in (own, other, Vectors.load(ip / "tb", 1)):
        assert 0 < vectors.predicted_cycles[1] < vectors.predicted_cycles[[0, 2]].min()
    assert own.predicted_cycles.max() <= most
    assert own.full_rate_cycles == tuple(own.predicted_cycles)
    around = NETWORK.in_shape.size + NETWORK.num_scores
    assert own.full_rate_intervals == tuple(own.predicted_cycles[:2] + around)


def test_weights_to_load(ip: Path):
    """Another network of the same program, its image, and what golden says of it."""
    options = {"weights": "ram", "interface": Interface.usual("axi")}
    cosim.write_testbench(ip, compiled(NETWORK, ARRAY, **options), IMAGES)
    assert json.loads((ip / "tb" / "manifest.json").read_text())["weights"] == "weights/top.bin"
    vectors = Vectors.load(ip / "tb", expected="other")
    own = Vectors.load(ip / "tb")
    assert (vectors.scores != own.scores).any()
    words = np.fromfile(ip / "tb" / "vectors" / "other" / "weights.bin", "<u4")
    program = Program(NETWORK, ARRAY, weights="ram")
    assert len(words) == num_image_words(program)
    assert (words != weight_image(program, NETWORK)).any()


def test_same_arguments_give_the_same_bytes_and_replace_all(ip: Path):
    cosim.write_testbench(ip, compiled(NETWORK, ARRAY), IMAGES)
    first = contents(ip)
    (ip / "tb" / "stale.txt").write_text("left over")
    cosim.write_testbench(ip, compiled(NETWORK, ARRAY), IMAGES)
    assert contents(ip) == first
    assert not [path for path in ip.iterdir() if path.name.startswith(".")]


def test_failure_leaves_the_old_test_bench(ip: Path):
    cosim.write_testbench(ip, compiled(NETWORK, ARRAY), IMAGES)
    before = contents(ip)
    with pytest.raises(BitrainError, match=r"^images of shape"):
        cosim.write_testbench(ip, compiled(NETWORK, ARRAY), IMAGES[:, :, 1:])
    assert contents(ip) == before


def test_copies_every_module_and_nothing_else(ip: Path):
    cosim.write_testbench(ip, compiled(NETWORK, ARRAY), IMAGES)
    sources = Path(testbench.__file__).parent
    assert {path.name for path in (ip / "tb").glob("*.py")} == {
        path.name for path in sources.glob("*.py")
    }
    assert not list((ip / "tb").rglob("__pycache__"))


def test_modules_need_only_cocotb_and_numpy():
    always = {*sys.stdlib_module_names, "cocotb", "cocotb_tools", "numpy"}
    for path in Path(testbench.__file__).parent.glob("*.py"):
        # Imported only where the accelerator has such buses.
        allowed = always | ({"cocotbext"} if path.name.startswith("axi_") else set())
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Import(names=names):
                    tops = {alias.name.partition(".")[0] for alias in names}
                case ast.ImportFrom(level=0, module=str(module)):
                    tops = {module.partition(".")[0]}
                case ast.ImportFrom(level=level):
                    assert level == 1, f"{path.name} imports from outside its folder"
                    continue
                case _:
                    continue
            assert tops <= allowed, f"{path.name} imports {tops - allowed}"


def test_no_images(ip: Path):
    with pytest.raises(BitrainError, match="no images given, expected at least one"):
        cosim.write_testbench(ip, compiled(NETWORK, ARRAY), IMAGES[:0])


def test_no_package(tmp_path: Path):
    with pytest.raises(BitrainError, match=r"rtl/ holds no Verilog, expected one module"):
        cosim.write_testbench(tmp_path, compiled(NETWORK, ARRAY), IMAGES)


def test_ambiguous_and_named_module(ip: Path):
    (ip / "rtl" / "other.v").write_text("")
    with pytest.raises(BitrainError, match="holds other, top, expected one module"):
        cosim.write_testbench(ip, compiled(NETWORK, ARRAY), IMAGES)
    with pytest.raises(BitrainError, match="expected third"):
        cosim.write_testbench(ip, compiled(NETWORK, ARRAY), IMAGES, top="third")
    cosim.write_testbench(ip, compiled(NETWORK, ARRAY), IMAGES, top="other")
    assert json.loads((ip / "tb" / "manifest.json").read_text())["sources"] == ["rtl/other.v"]


def test_manifest_of_weights_from_outside(ip: Path):
    """A file for each engine, cycles of runs that wait, and a rate that is too low."""
    options = {"weights": "stream", "weight_beat": 8, "early_termination": True}
    engines = compiled(NETWORK, ARRAY, interface=Interface.usual("axi"), **options)
    cosim.write_testbench(ip, engines, IMAGES)
    manifest = json.loads((ip / "tb" / "manifest.json").read_text())
    beats = weight_beats(engines.programs[0])
    digest = sha256(beats.tobytes()).hexdigest()
    assert manifest["weight_streams"] == [
        {"file": "weights/top.bin", "bits": 8, "beats": len(beats), "sha256": digest}
    ]
    lengths = sorted(engines.prefixes)
    alone = {entry["length"]: entry["predicted_cycles"] for entry in manifest["lengths"]}
    runs = {tuple(entry["lengths"]): entry["cycles"] for entry in manifest["runs"]}
    assert len(runs) == 2 ** len(lengths) - 1 - len(lengths)
    for taken, cycles in runs.items():
        assert list(taken) == sorted(taken) and len(set(cycles)) == 1
        assert cycles[0] >= sum(alone[length] for length in taken)
    full, limited = manifest["full_rate"]["cycles"], manifest["limited"]
    assert 0 < limited["rate"][0] < limited["rate"][1]
    assert all(slow > fast for slow, fast in zip(limited["cycles"], full, strict=True))
