"""Searches: all of a small space, proposals in a large one; the same however they are run."""

import builtins
import json
from dataclasses import replace

import pytest
from rich.console import Console

from bitrain.explore import search as module
from bitrain.explore.search import Goal, Search, best, front, smaller
from bitrain.gen.families.devices import find_device
from bitrain.resources.model import needed_model
from bitrain.runner.cluster import pool
from bitrain.spec import BitrainError

DEVICE = find_device("ecp5-25k")
FAST = Goal(objective="images/s")
QUIET = Console(quiet=True)


@pytest.fixture
def searched(space, tmp_path):
    def call(out="out", *, goal=FAST, trials=20_000, space=space, seed=0):
        search = Search(
            space=space,
            device=DEVICE,
            model=needed_model(DEVICE),
            goal=goal,
            trials=trials,
            seed=seed,
        )
        with pool() as run:
            return search.run(tmp_path / out, run, QUIET)

    return call


def test_a_small_space_is_searched_whole(space, searched):
    rows = searched()
    assert {row["design"] for row in rows} == {design.key for design in space.designs()}
    streams = [row for row in rows if row["design"].startswith("4 ")]
    assert {row["title"] for row in streams} == {way.title for way in space.accelerators[4].ways}


def test_a_search_goes_on_where_it_was_stopped(searched, tmp_path, monkeypatch):
    whole = searched("whole")
    calls, evaluate = [], module.evaluate

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) == 60:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    monkeypatch.setattr(module, "evaluate", killed)
    with pytest.raises(KeyboardInterrupt):
        searched("stopped")
    (file,) = (tmp_path / "stopped/designs").glob("*.jsonl")
    kept = file.read_text().count("design")
    assert kept
    lines = file.read_text().splitlines()
    digest, pair = lines[1].split(" ", 1)
    # A line that a kill cut off, a changed one, others that are none.
    changed = pair.replace('"lut": ', '"lut": 9')
    assert changed != pair
    spoilt = [*lines[2:], f"{digest} {changed}", "5", digest, f"{digest} []", lines[2][:90]]
    file.write_bytes("\n".join(spoilt).encode() + b"\n\xff\xfe")
    calls.clear()
    monkeypatch.setattr(module, "evaluate", lambda *x: calls.append(x) or evaluate(*x))
    assert searched("stopped") == whole
    assert 0 < len(calls) < len({row["design"] for row in whole})
    calls.clear()
    assert searched("stopped") == whole and not calls


def test_what_is_known_of_another_network_is_not_used(space, searched, tmp_path):
    searched()
    made = list(space.accelerators)
    made[0] = replace(made[0], ways=(replace(made[0].ways[0], accuracy=1.25),))
    rows = searched(space=replace(space, accelerators=tuple(made)))
    assert 1.25 in {row.get("accuracy") for row in rows}
    assert len(list((tmp_path / "out/designs").glob("*"))) == 2


@pytest.fixture(scope="module")
def large(space):
    return replace(space, channels=tuple(range(1, 9)), positions=tuple(range(1, 9)))


@pytest.mark.slow
def test_a_large_space_is_searched_by_proposals(large, searched):
    rows = searched(space=large, trials=240)
    assert large.size > 1500 and 60 < len({row["design"] for row in rows}) <= 240
    found = best(rows, FAST)[0]["images_per_s"]
    everything = best(searched("whole", space=large), FAST)
    values = [row["images_per_s"] for row in everything]
    assert values[0] >= found >= values[len(values) // 100]


def test_proposals_follow_from_the_seed_and_are_replayed(large, searched, monkeypatch):
    first = searched("a", space=large, trials=150)
    assert searched("b", space=large, trials=150) == first
    assert searched("a", space=large, trials=150, seed=1) != first
    calls = []
    monkeypatch.setattr(module, "_evaluate_all", lambda *x: calls.append(x))
    assert searched("b", space=large, trials=150) == first and not calls


def test_proposals_obey_what_is_asked_for(large, searched):
    goal = Goal(objective="images/s", most_lut=1200)
    shares = []
    for asked in goal, FAST:
        rows = searched(asked.objective + str(asked.most_lut), goal=asked, space=large, trials=200)
        shares.append(len(best(rows, goal)) / len(rows))
    assert shares[0] > shares[1]  # the search goes where designs are allowed


def test_without_optuna(large, searched, monkeypatch):
    real = builtins.__import__

    def missing(name, *rest):
        if name == "optuna":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(BitrainError, match=r"more than --trials 100, .* needs Optuna: pip install"):
        searched(space=large, trials=100)


def row(speed: float, lut: int, accuracy: float, **changes):
    return {
        "images_per_s": speed,
        "latency_ms": 1 / speed,
        "routed_lut": lut,
        "accuracy": accuracy,
        "lacking": [],
    } | changes


def test_best_and_fronts():
    a, b, c = row(30, 3000, 97), row(20, 1000, 98), row(10, 2000, 99)
    large, wrong = row(90, 9000, 99, lacking=["lut"]), {"design": "x", "problem": "none"}
    rows = [c, large, b, wrong, a, row(5, 900, 99)]
    assert best(rows, FAST) == [a, b, c, rows[-1]]
    assert best(rows, Goal(objective="latency"))[0] == a
    assert best(rows, Goal(objective="images/s", least_accuracy=98)) == [b, c, rows[-1]]
    assert best(rows, Goal(objective="images/s", most_lut=2000)) == [b, c, rows[-1]]
    assert front(rows, FAST) == [a, b, c]
    assert smaller(rows, FAST) == [a, b, rows[-1]]
    equal = [row(30, 2000, 97), row(30, 1500, 97), row(30, 9000, 98)]
    assert best(equal, FAST) == [equal[2], equal[1], equal[0]]


def test_how_far_a_row_is_from_what_is_allowed():
    goal = Goal(objective="images/s", least_accuracy=99, most_lut=1000)
    assert goal.excess(row(1, 1000, 99)) == 0
    assert goal.excess(row(1, 1500, 99)) == pytest.approx(0.5)
    assert goal.excess(row(1, 10, 98)) == pytest.approx(0.01)
    assert goal.excess(row(1, 10, 99, lacking=["bram", "dsp"])) == 2


def test_known_designs_are_whole_lines(tmp_path):
    known = module._Known(tmp_path / "known.jsonl")
    known.add([("a", [{"lut": 1}]), ("b", [])])
    assert module._Known(tmp_path / "known.jsonl").rows == {"a": [{"lut": 1}], "b": []}
    lines = (tmp_path / "known.jsonl").read_text().split("\n")
    assert json.loads(lines[1].split(" ", 1)[1]) == ["a", [{"lut": 1}]]
