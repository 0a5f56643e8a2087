"""What the monitors take and complain of, clock edge by clock edge."""

from types import SimpleNamespace
from typing import Any

import pytest
from handles import Change, Edge, Handle, run

from bitrain.cosim.testbench import monitor
from bitrain.cosim.testbench.monitor import ScoreMonitor, TraceMonitor


@pytest.fixture(autouse=True)
def edges(monkeypatch):
    monkeypatch.setattr(monitor, "RisingEdge", Edge)
    monkeypatch.setattr(monitor, "ValueChange", Change)


class Recorder:
    """Stands in for the checker."""

    def __init__(self):
        self.found: list[tuple] = []
        self.problems: list[str] = []

    def score(self, word, class_index) -> None:
        self.found.append((word, class_index))

    def write(self, *values) -> None:
        self.found.append(values)

    def violate(self, problem: str) -> None:
        self.problems.append(problem)


def bench(offered, extended: bool = True, counting: bool = False):
    """A device that offers ``offered[cycle]``, or nothing where that is None."""
    checker: Any = Recorder()
    word, valid = Handle(), Handle(name="scores_valid")
    pins: Any = SimpleNamespace(
        clock=None,
        score_valid=valid,
        score_ready=Handle(),
        class_index=Handle(2),
        cycles=Handle(9),
        score_word=lambda: None if word.value == "x" else word.value,
        is_sign_extended=lambda: extended,
    )
    begun: list[int] = []
    ended: list[int] = []
    clock = [0]
    ready: list[int] = []

    def edge(cycle: int) -> None:
        clock[0] = cycle
        ready.append(int(pins.score_ready.value))
        pins.cycles.value += counting
        value = offered[cycle] if cycle < len(offered) else None
        valid.value = int(value is not None)
        word.value = 0 if value is None else value

    scores = ScoreMonitor(
        pins,
        checker,
        on_offer=lambda: begun.append(clock[0]),
        on_end=lambda: ended.append(clock[0]),
    )
    return scores, checker, edge, (begun, ended), ready


def test_scores_at_full_rate():
    scores, checker, edge, times, ready = bench([5, 6, 7])
    run(scores.take(3, iter([0, 0, 0])), edge)
    assert checker.found == [(5, 2), (6, 2), (7, 2)] and checker.problems == []
    assert times == ([0], [2]) and ready == [1, 1, 1]


def test_ready_is_given_only_after_the_pause():
    scores, checker, edge, times, ready = bench([None, None, 5, 5, 5])
    run(scores.take(1, iter([2])), edge)
    assert checker.found == [(5, 2)] and checker.problems == []
    assert times == ([2], [4]) and ready == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("offered", "problem"),
    [
        ([5, 6], "the score changed before the word was taken"),
        ([5, None, None, 5], "the score fell before the word was taken"),
        ([5, "x"], "the score changed before the word was taken"),
    ],
)
def test_a_word_must_stay(offered, problem):
    scores, checker, edge, *_ = bench(offered)
    run(scores.take(1, iter([1])), edge)
    assert problem in checker.problems


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"counting": True}, "the cycle counter moved while scores were offered"),
        ({"extended": False}, "a score is not sign extended to whole bytes"),
    ],
)
def test_violations(options, problem):
    scores, checker, edge, *_ = bench([5, 5], **options)
    run(scores.take(2, iter([0, 0])), edge)
    assert checker.found == [(5, 2)] * 2 and set(checker.problems) == {problem}


def test_unknown_valid():
    scores, checker, edge, *_ = bench([5, 5])

    def unknown_at_first(cycle: int) -> None:
        edge(cycle)
        if cycle == 0:
            scores.pins.score_valid.value = "x"

    run(scores.take(1, iter([0])), unknown_at_first)
    assert checker.problems == ["scores_valid is unknown"] and checker.found == [(5, 2)]


def traced(banks: int) -> SimpleNamespace:
    """A trace port of numbers of 4 bits and addresses of 5."""
    return SimpleNamespace(
        valid=Handle(width=banks),
        layer=Handle(),
        address=Handle(width=5 * banks),
        data=Handle(width=4 * banks),
    )


def test_every_stored_activation_is_handed_on():
    checker: Any = Recorder()
    trace = traced(1)
    pins: Any = SimpleNamespace(clock=None, traces=[None, trace])
    stored = {1: (0, 8, 3), 2: (0, 9, 4), 5: (1, 2, "x")}

    def edge(cycle: int) -> None:
        trace.valid.value = int(cycle in stored)
        values = stored.get(cycle, (0, 0, 0))
        trace.layer.value, trace.address.value, trace.data.value = values

    with pytest.raises(TimeoutError):
        run(TraceMonitor(pins, checker, 1).run(), edge, limit=10)
    assert checker.found == [(1, 0, 8, 3, 0), (1, 0, 9, 4, 0), (1, 1, 2, None, 0)]


def test_banks_are_handed_on_by_themselves():
    checker: Any = Recorder()
    trace = traced(2)
    pins: Any = SimpleNamespace(clock=None, traces=[trace])
    stored = {
        1: (0b11, "0001100010", "01010110"),
        2: (0b10, "0011000111", "0111xxxx"),
        4: (0b01, "0000001000", "0001x010"),
    }

    def edge(cycle: int) -> None:
        trace.layer.value = 3
        nothing = 0, "0" * 10, "0" * 8
        trace.valid.value, trace.address.value, trace.data.value = stored.get(cycle, nothing)

    with pytest.raises(TimeoutError):
        run(TraceMonitor(pins, checker, 0).run(), edge, limit=10)
    assert checker.found == [
        (0, 3, 2, 6, 0),
        (0, 3, 3, 5, 1),
        (0, 3, 6, 7, 1),
        (0, 3, 8, None, 0),
    ]
