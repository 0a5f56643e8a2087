"""Folders that are replaced whole."""

import subprocess
import sys
from pathlib import Path

import pytest

from bitrain.gen.ip.folders import check_replaceable, staged, swap
from bitrain.spec import BitrainError


def read(folder: Path) -> str:
    if not (folder / "mark").is_file():
        raise BitrainError("no mark")
    return (folder / "mark").read_text()


def folder(path: Path, mark: str = "") -> Path:
    path.mkdir()
    if mark:
        (path / "mark").write_text(mark)
    return path


def test_what_may_be_replaced(tmp_path):
    check_replaceable(tmp_path / "absent", read, "box")
    check_replaceable(folder(tmp_path / "empty"), read, "box")
    check_replaceable(folder(tmp_path / "box", "old"), read, "box")


def test_what_may_not(tmp_path):
    other, file = folder(tmp_path / "other"), tmp_path / "file"
    (other / "thesis.tex").write_text("precious")
    file.write_text("precious")
    for path in (other, file):
        with pytest.raises(BitrainError) as error:
            check_replaceable(path, read, "box")
        expected = f"{path} exists and is no box; choose another folder or remove it"
        assert str(error.value) == expected


@pytest.mark.parametrize("inside", ["", "deep"])
def test_the_folder_that_one_is_in(tmp_path, monkeypatch, inside):
    box = folder(tmp_path / "box", "old")
    (box / "deep").mkdir()
    monkeypatch.chdir(box / inside)
    with pytest.raises(BitrainError, match="box: the folder that you are in cannot be replaced"):
        check_replaceable(box, read, "box")


def test_swap(tmp_path):
    new, box = folder(tmp_path / "new", "1"), tmp_path / "box"
    swap(new, box)
    assert read(box) == "1"
    swap(folder(new, "2"), box)
    assert read(box) == "2" and [path.name for path in tmp_path.iterdir()] == ["box"]


def test_a_swap_that_fails_leaves_the_old_one(tmp_path):
    box = folder(tmp_path / "box", "old")
    with pytest.raises(OSError, match="absent"):
        swap(tmp_path / "absent", box)
    assert read(box) == "old" and [path.name for path in tmp_path.iterdir()] == ["box"]


def test_staging_is_empty_and_nothing_of_it_stays(tmp_path):
    box = tmp_path / "deep" / "box"
    for mark in "1", "2":
        with staged(box) as new:
            assert not any(new.iterdir())
            (new / "mark").write_text(mark)
        assert read(box) == mark and [path.name for path in box.parent.iterdir()] == ["box"]
    with pytest.raises(KeyError), staged(box):
        raise KeyError
    assert read(box) == "2" and [path.name for path in box.parent.iterdir()] == ["box"]
    assert box.stat().st_mode == folder(tmp_path / "other").stat().st_mode


@pytest.fixture
def dead(tmp_path) -> Path:
    """What a killed process left beside the folder ``box``."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return tmp_path / f".box.{process.pid}.{'0' * 16}.tmp"


def test_what_a_killed_process_left_goes(tmp_path, dead):
    (dead / "new").mkdir(parents=True)
    (dead / "new" / "stale.v").write_text("module stale; endmodule")
    with staged(tmp_path / "box") as new:
        assert not any(new.iterdir())
    assert [path.name for path in tmp_path.iterdir()] == ["box"]


def test_a_process_killed_between_two_renames(tmp_path, dead):
    """The old folder comes back, whatever becomes of the new one."""
    dead.mkdir()
    folder(dead / "old", "precious")
    with pytest.raises(KeyError), staged(tmp_path / "box"):
        raise KeyError
    assert read(tmp_path / "box") == "precious"


def test_links_are_not_followed(tmp_path, dead):
    precious = folder(tmp_path / "precious", "1")
    dead.symlink_to(precious)
    link = tmp_path / "box"
    link.symlink_to(precious)
    with staged(link) as new:
        (new / "mark").write_text("2")
    assert read(precious) == "1" and read(link) == "2" and not link.is_symlink()


def test_an_interrupted_swap_leaves_the_old_one(tmp_path, monkeypatch):
    """Ctrl-C between the two renames."""
    new, box, replace = folder(tmp_path / "new", "2"), folder(tmp_path / "box", "1"), Path.replace

    def interrupted(self, target):
        if self == new:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        swap(new, box)
    assert read(box) == "1"
