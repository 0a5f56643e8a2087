"""Finished steps: believed only as long as all that they stand for is as it was."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bitrain.runner.workspace import Workspace
from bitrain.spec import BitrainError


def run(folder: Path, *, data: str = "data", first: int = 1, last: int = 1) -> list[str]:
    """Three steps; the names of those that ran."""
    space, ran = Workspace(folder, fingerprint=data), []

    def write(name: str, text: str) -> str:
        path = space.path(name.replace("{key}", space.key))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        ran.append(name)
        return text

    space.step("a", first, lambda: write("a.txt", f"{data} {first}"), ["a.txt"])
    space.step("b", None, lambda: write("folder/b.txt", space.results["a"]), ["folder"])
    space.step("c", last, lambda: write("c-{key}.txt", f"{last}"), ["c-{key}.txt"])
    assert list(space.results) == ["a", "b", "c"]
    return ran


A, B, C = "a.txt", "folder/b.txt", "c-{key}.txt"


def test_a_finished_step_is_kept(tmp_path):
    assert run(tmp_path) == [A, B, C]
    assert run(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "again"),
    [({"data": "other"}, [A, B, C]), ({"first": 2}, [A, B, C]), ({"last": 2}, [C])],
)
def test_other_inputs(tmp_path, change, again):
    run(tmp_path)
    assert run(tmp_path, **change) == again
    assert run(tmp_path, **change) == []


@pytest.mark.parametrize("output", [A, B])
def test_an_output_that_is_missing_is_made_again(tmp_path, output):
    run(tmp_path)
    (tmp_path / output).unlink()
    assert run(tmp_path) == [output]


@pytest.mark.parametrize("output", [A, B])
def test_an_output_that_others_changed(tmp_path, output):
    run(tmp_path)
    (tmp_path / output).write_text("mine")
    with pytest.raises(BitrainError) as error:
        run(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / output}: changed since step {output[-5]} wrote it; move it away to have it "
        "made again, or give another --out"
    )
    assert (tmp_path / output).read_text() == "mine"


def test_a_further_file_in_an_output_folder_is_no_change(tmp_path):
    run(tmp_path)
    (tmp_path / "folder" / "simulated.vcd").write_text("waves")
    assert run(tmp_path) == []


def test_what_is_of_another_configuration_moves_away(tmp_path):
    """With all that was made of it, though the run may stop before it is made anew."""
    run(tmp_path)
    kept = {path.name for path in tmp_path.glob("c-*")}
    space = Workspace(tmp_path, fingerprint="data")
    space.step("a", 2, lambda: (tmp_path / A).write_text("data 2"), [A])
    assert space.superseded == {A: "superseded/1/a.txt", "folder": "superseded/1/folder"}
    assert (tmp_path / "superseded/1" / A).read_text() == "data 1"
    assert (tmp_path / "superseded/1" / B).read_text() == "data 1"
    assert [path.stem for path in (tmp_path / "steps").iterdir()] == ["a"]
    assert not (tmp_path / "folder").exists()
    assert {path.name for path in tmp_path.glob("c-*")} == kept
    assert run(tmp_path) == [A, B, C]
    assert (tmp_path / "superseded/2" / A).read_text() == "data 2"
    assert (tmp_path / "superseded/1" / A).read_text() == "data 1"


def test_what_is_made_of_all_steps_moves_with_any(tmp_path):
    run(tmp_path)
    (tmp_path / "result.json").write_text("of all")
    space = Workspace(tmp_path, fingerprint="other", products=("result.json", "none.svg"))
    space.step("a", 1, lambda: 0)
    assert sorted(space.superseded) == [A, "folder", "result.json"]


def test_what_others_put_in_the_way_is_kept(tmp_path):
    """In a folder that is made again, or where no step has been yet."""
    (tmp_path / A).write_text("mine")
    run(tmp_path)
    assert (tmp_path / "superseded/1" / A).read_text() == "mine"
    (tmp_path / "folder" / "notes.txt").write_text("mine too")
    (tmp_path / B).unlink()
    assert run(tmp_path) == [B]
    assert (tmp_path / "superseded/2/folder/notes.txt").read_text() == "mine too"


def test_a_changed_file_beside_a_missing_one(tmp_path):
    run(tmp_path)
    (tmp_path / "folder" / "more.txt").write_text("")
    space = Workspace(tmp_path, fingerprint="two")

    def write() -> None:
        for name in "one.txt", "two.txt":
            (tmp_path / name).write_text(name)

    space.step("two", None, write, ["one.txt", "two.txt"])
    (tmp_path / "one.txt").unlink()
    (tmp_path / "two.txt").write_text("mine")
    with pytest.raises(BitrainError, match=r"two\.txt: changed since step two wrote it"):
        Workspace(tmp_path, fingerprint="two").step("two", None, write, ["one.txt", "two.txt"])
    assert (tmp_path / "two.txt").read_text() == "mine"


def test_a_result_that_was_edited_is_none(tmp_path):
    run(tmp_path)
    path = tmp_path / "steps" / "a.json"
    path.write_text(path.read_text().replace('"result": "data 1"', '"result": "data 9"'))
    assert run(tmp_path) == [A]


def test_steps_of_an_earlier_version(tmp_path):
    (tmp_path / "steps").mkdir()
    record = {"step": "a", "fingerprint": "0", "result": 1}
    (tmp_path / "steps" / "a.json").write_text(json.dumps(record))
    with pytest.raises(BitrainError) as error:
        run(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: holds steps of an earlier version of Bitrain, which this one cannot check; "
        "give another --out"
    )


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    """Nothing is read-only for root, who may run this."""

    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(BitrainError, match=r": cannot be written; give another --out$"):
        run(tmp_path)


def test_steps_that_do_not_depend_on_each_other(tmp_path):
    def measure(size: int, inputs: int) -> bool:
        return Workspace(tmp_path).step(f"size-{size}", inputs, lambda: size)

    assert measure(1, 0) and measure(2, 0)
    assert measure(1, 1) and not measure(2, 0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"fingerprint": 1}'])
def test_a_spoilt_record_is_none(tmp_path, text):
    run(tmp_path)
    (tmp_path / "steps" / "b.json").write_text(text)
    assert run(tmp_path) == [B]


def test_records_hold_digests(tmp_path):
    run(tmp_path)
    record = json.loads((tmp_path / "steps" / "b.json").read_text())
    assert list(record["outputs"]) == ["folder"]
    assert [(file, len(digest)) for file, digest in record["outputs"]["folder"].items()] == [
        (B, 64)
    ]


PROCESS = """\
import sys
from pathlib import Path
from bitrain.runner.workspace import Workspace
Workspace(Path(sys.argv[1])).step("a", None, lambda: 1)
print("ready", flush=True)
sys.stdin.read()
"""


def test_one_process_in_a_folder(tmp_path):
    paths = [str(Path(__file__).parents[3] / root) for root in ("hw", "sim", "sw")]
    program = f"import sys; sys.path[:0] = {paths!r}\n{PROCESS}"
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "ready\n"
        with pytest.raises(BitrainError) as error:
            run(tmp_path)
        assert str(error.value) == (
            f"{tmp_path}: process {other.pid} works in this folder; wait until it has ended, or "
            "give another --out"
        )
        with pytest.raises(BitrainError, match=f"process {other.pid} works in this folder"):
            Workspace(tmp_path).claim()
        # A task of the process that holds the folder.
        assert Workspace(tmp_path, is_claimed=True).step("z", None, lambda: 1)
        other.communicate("")
    assert run(tmp_path) == [A, B, C]
