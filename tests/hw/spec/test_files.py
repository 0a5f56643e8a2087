"""Writing files: whole or not at all."""

import errno
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from bitrain.spec import files, write_atomically


@pytest.mark.parametrize(
    ("content", "written"),
    [
        ("ö\n", "ö\n".encode()),
        (b"\x00\xff", b"\x00\xff"),
        (iter(["ö", "", "\n"]), "ö\n".encode()),
        (iter(()), b""),
    ],
)
def test_writes_text_and_bytes_and_makes_folders(tmp_path: Path, content, written):
    path = tmp_path / "new" / "folder" / "file"
    write_atomically(path, content)
    assert path.read_bytes() == written
    assert list(path.parent.iterdir()) == [path]


def test_interruption_leaves_the_old_file(tmp_path: Path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, "old")

    def interrupted(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new content")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_producer_that_fails_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "file"
    write_atomically(path, "old")

    def parts() -> Iterator[str]:
        yield "new" * 100_000
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, parts())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_parts_are_not_gathered(tmp_path: Path):
    part, count = "0123456789abcde\n" * 1024, 500
    tracemalloc.start()
    write_atomically(tmp_path / "file", (part for _ in range(count)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "file").stat().st_size == count * len(part)
    assert peak < 16 * len(part)


def test_what_a_killed_process_left_goes_and_what_another_writes_stays(tmp_path: Path):
    path = tmp_path / "file[1]"  # no pattern
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    dead = tmp_path / f".file[1].{process.pid}.0123456789abcdef.tmp"
    alive = tmp_path / f".file[1].{os.getppid()}.0123456789abcdef.tmp"
    other = tmp_path / f".file1.{process.pid}.0123456789abcdef.tmp"
    for left in dead, alive, other:
        left.write_text("half")
    write_atomically(path, "whole")
    assert sorted(tmp_path.iterdir()) == sorted([path, alive, other])


def test_errors_name_the_file(tmp_path: Path, monkeypatch):
    """And not the temporary one."""

    def full(self, mode):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(OSError, match="No space left on device") as error:
        write_atomically(tmp_path / "file", "content")
    assert error.value.filename == str(tmp_path / "file")


def test_a_link_with_the_temporary_name_is_not_followed(tmp_path: Path, monkeypatch):
    target, link = tmp_path / "precious", tmp_path / "link"
    target.write_text("precious")
    link.symlink_to(target)
    monkeypatch.setattr(files, "temporary_beside", lambda path: link)
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "file", "content")
    assert target.read_text() == "precious"
