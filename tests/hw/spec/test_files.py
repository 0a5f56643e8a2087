"""Writing files: whole or not at all."""

from pathlib import Path

import pytest

from bitrain.spec import write_atomically


@pytest.mark.parametrize(
    ("content", "written"), [("ö\n", "ö\n".encode()), (b"\x00\xff", b"\x00\xff")]
)
def test_writes_text_and_bytes_and_makes_folders(tmp_path: Path, content, written):
    path = tmp_path / "new" / "folder" / "file"
    write_atomically(path, content)
    assert path.read_bytes() == written
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("step", ["write_bytes", "replace"])
def test_interruption_leaves_the_old_file(tmp_path: Path, monkeypatch, step):
    path = tmp_path / "file"
    write_atomically(path, "old")
    original = getattr(Path, step)

    def interrupted(self, argument):
        if step == "write_bytes":
            original(self, argument[: len(argument) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, "new content")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
