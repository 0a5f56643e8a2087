"""Early termination: images stop at the first prefix of their streams that decides them.

The whole network runs at each prefix in turn until a confidence in its scores reaches the exit's
threshold (A. Alaghi and J. P. Hayes, *Survey of stochastic computing*, ACM TECS 12 (2013), call
such runs progressive precision). Exits are chosen for an accuracy, from images it has not learnt.

An exit costs a whole run at its length, so few pay. All ladders of one or two exits are tried, each
with every margin that occurs, and the one of the fewest cycles on average is taken whose accuracy
is at most the tolerance below that of the longest run; or, for so many cycles on average, the one
that gives the fewest images another class than the longest run does. Confidences other than the
margin of the best two scores are there to be compared with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bitrain.spec import Exit, Network

from .model import predict

MOST_EXITS = 2
TOLERANCES = 0.0, 0.05, 0.1, 0.2, 0.5
"""Points of accuracy for which reports choose exits."""


def margins(scores: np.ndarray) -> np.ndarray:
    """Best score less the second best, (images,), in product bits; scores: (images, classes)."""
    second, best = np.partition(scores, -2, axis=1)[:, -2:].T
    return best - second


def _lead(scores: np.ndarray) -> np.ndarray:
    return scores.max(1) * scores.shape[1] - scores.sum(1)


CONFIDENCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "margin of the best two": margins,
    "best score": lambda scores: scores.max(1),
    "lead over the mean": _lead,
}
"""Whole numbers of (images, scores), the larger the surer, that an adder and a comparator give."""


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """Runs of an image, until one decides it."""

    rungs: tuple[int, ...]
    """Indices of the runs, shortest first; the last decides all that are left."""
    thresholds: tuple[int, ...]
    """Least confidence that decides, of each but the last."""

    def __post_init__(self) -> None:
        if len(self.thresholds) != len(self.rungs) - 1:
            raise ValueError(f"{len(self.rungs)} runs need {len(self.rungs) - 1} thresholds")


@dataclass(frozen=True, kw_only=True)
class Choice(Ladder):
    """A ladder, and what it does on the images that it was chosen on."""

    accuracy: float
    """Share of the images, 0 … 1."""
    cycles: float
    """On average."""


class Exits:
    """Every image at every length: how sure the scores are, and whether they are right."""

    def __init__(
        self,
        scores: Sequence[np.ndarray],
        labels: np.ndarray,
        cycles: Sequence[int],
        confidence: str = "margin of the best two",
    ):
        """scores: (images, classes) of each run, the shortest first; cycles: of each run."""
        if not len(labels):
            raise ValueError("no images to choose exits with")
        classes = [each.argmax(1) for each in scores]
        self._right = [each == labels for each in classes]
        self._same = [each == classes[-1] for each in classes]
        single = scores[0].shape[1] < 2
        sure = CONFIDENCES[confidence]
        self._sure = [np.zeros(len(labels)) if single else sure(each) for each in scores]
        self._cycles = cycles

    @classmethod
    def of(
        cls,
        networks: Sequence[Network],
        images: np.ndarray,
        labels: np.ndarray,
        cycles: Sequence[int],
    ) -> "Exits":
        """By the golden model. images: integers in [0, 2^n], (images, …)."""
        return cls([predict(network, images) for network in networks], labels, cycles)

    def choose(self, tolerance: float, most: int = MOST_EXITS) -> Choice:
        """The ladder of the fewest cycles that keeps the accuracy.

        tolerance: share of the images, 0 … 1. most: exits, at most two.
        """
        last = len(self._cycles) - 1
        wanted = self._right[last].mean() - tolerance - 1e-12
        alone = Choice(
            rungs=(last,),
            thresholds=(),
            accuracy=float(self._right[last].mean()),
            cycles=float(self._cycles[last]),
        )
        found = [alone]
        for first in range(last) if most else ():
            found += self._ladders((first,), wanted)
        if most > 1:
            for pair in combinations(range(last), 2):
                found += self._ladders(pair, wanted)
        return min(found, key=lambda ladder: (ladder.cycles, len(ladder.rungs)))

    def within(self, cycles: float, most: int = MOST_EXITS) -> Choice:
        """The ladder of so many cycles on average or fewer that changes the fewest classes.

        Of two alike the one of fewer cycles; the longest run alone where no ladder is as quick.
        most: exits, at most two.
        """
        last = len(self._cycles) - 1
        found = []
        for first in range(last):
            found += self._least_changes((first,), cycles)
        if most > 1:
            for pair in combinations(range(last), 2):
                found += self._least_changes(pair, cycles)
        alone = 0, self.choose(0, most=0)
        if self._cycles[last] <= cycles or not found:
            found.append(alone)
        return min(found, key=lambda each: (each[0], each[1].cycles))[1]

    def _least_changes(self, exits: tuple[int, ...], cycles: float) -> list[tuple[int, Choice]]:
        """Changed classes and ladders with these exits, the best for each first threshold."""
        count, longest = len(self._right[0]), self._cycles[-1]
        firsts = [None] if len(exits) == 1 else _thresholds(self._sure[exits[0]])
        found = []
        for threshold in firsts:
            running, changed, right, used = np.ones(count, bool), 0, 0, 0.0
            if threshold is not None:
                stops = self._sure[exits[0]] >= threshold
                running, used = ~stops, float(self._cycles[exits[0]])
                changed = int((~self._same[exits[0]][stops]).sum())
                right = int(self._right[exits[0]][stops].sum())
            order, whole = self._surest_first(exits[-1], running)
            here = self._cycles[exits[-1]] * running.sum()
            # Stopping the k surest.
            mean = used + (here + np.arange(len(order), -1, -1) * longest) / count
            changes = np.concatenate([[0], (~self._same[exits[-1]][order]).cumsum()])
            fitting = np.flatnonzero(whole & (mean <= cycles))
            fitting = fitting[fitting > 0]
            if not len(fitting):
                continue
            taken = int(fitting[changes[fitting] == changes[fitting[0]]][-1])
            stopped, going = order[:taken], order[taken:]
            right += int(self._right[exits[-1]][stopped].sum() + self._right[-1][going].sum())
            last_threshold = int(self._sure[exits[-1]][order[taken - 1]])
            thresholds = (last_threshold,)
            if threshold is not None:
                thresholds = (int(threshold), last_threshold)
            ladder = Choice(
                rungs=(*exits, len(self._cycles) - 1),
                thresholds=thresholds,
                accuracy=right / count,
                cycles=float(mean[taken]),
            )
            found.append((changed + int(changes[taken]), ladder))
        return found

    def _surest_first(self, rung: int, running: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Running images, and for each count of them whether no other is as sure as its last."""
        images = np.flatnonzero(running)
        order = images[np.argsort(-self._sure[rung][images], kind="stable")]
        sure = self._sure[rung][order]
        whole = np.concatenate([[True], sure[1:] != sure[:-1], [True]])[: len(sure) + 1]
        return order, whole

    def _ladders(self, exits: tuple[int, ...], wanted: float) -> list[Choice]:
        """The best ladder with these exits, if one is good enough."""
        everyone = np.ones(len(self._right[0]), bool)
        firsts = [None] if len(exits) == 1 else _thresholds(self._sure[exits[0]])
        found: list[Choice] = []
        for threshold in firsts:
            running, right, cycles = everyone, 0, 0.0
            if threshold is not None:
                stops = self._sure[exits[0]] >= threshold
                running, right = ~stops, int(self._right[exits[0]][stops].sum())
                cycles = float(self._cycles[exits[0]])
            best = self._last_exit(exits[-1], running, right, cycles, wanted)
            if best is None:
                continue
            last_threshold, accuracy, mean = best
            thresholds = (last_threshold,) if threshold is None else (threshold, last_threshold)
            ladder = Choice(
                rungs=(*exits, len(self._cycles) - 1),
                thresholds=tuple(int(each) for each in thresholds),
                accuracy=accuracy,
                cycles=mean,
            )
            found.append(ladder)
        return sorted(found, key=lambda each: each.cycles)[:1]

    def _last_exit(
        self, rung: int, running: np.ndarray, right: int, cycles: float, wanted: float
    ) -> tuple[int, float, float] | None:
        """The least threshold of the last exit that keeps the accuracy, that, and the cycles."""
        count, (order, whole) = len(running), self._surest_first(rung, running)
        sure, here, there = (
            x[order] for x in (self._sure[rung], self._right[rung], self._right[-1])
        )
        # Stopping the k surest: those are as right as here, the others as in the longest run.
        stopped = np.concatenate([[0], here.cumsum()])
        going = np.concatenate([there[::-1].cumsum()[::-1], [0]])
        accuracy = (right + stopped + going) / count
        enough = np.flatnonzero(whole & (accuracy >= wanted))
        if not len(enough) or not (taken := int(enough[-1])):
            return None
        goes_on = running.sum() - taken
        mean = cycles + (running.sum() * self._cycles[rung] + goes_on * self._cycles[-1]) / count
        return int(sure[taken - 1]), float(accuracy[taken]), float(mean)


class Outcome:
    """Where each image stops, with which class, and whether that is right."""

    def __init__(
        self,
        ladder: Ladder,
        scores: Sequence[np.ndarray],
        labels: np.ndarray,
        cycles: Sequence[int],
        confidence: str = "margin of the best two",
    ):
        """scores: (images, classes) of each run, as cycles: the shortest first.

        A single class is decided from the start.
        """
        self.labels, self.count = labels, len(ladder.rungs)
        self.places, self.classes = np.zeros((2, len(labels)), np.int64)
        running = np.arange(len(labels))
        for place, rung in enumerate(ladder.rungs):
            found = scores[rung][running]
            self.places[running], self.classes[running] = place, found.argmax(1)
            if place < len(ladder.thresholds):
                if found.shape[1] < 2:
                    break
                sure = CONFIDENCES[confidence](found)
                running = running[sure < ladder.thresholds[place]]
        self.right = self.classes == labels
        self.used = np.cumsum([cycles[rung] for rung in ladder.rungs])[self.places]

    def summary(self) -> dict[str, float]:
        """Accuracy in per cent, and cycles on average."""
        return {
            "exit_accuracy": 100 * float(self.right.mean()),
            "mean_cycles": float(self.used.mean()),
        }

    def shares(self) -> list[float]:
        """Per cent of the images that stop at each run."""
        return (100 * np.bincount(self.places, minlength=self.count) / len(self.places)).tolist()

    def by_class(self, classes: Sequence[str]) -> dict[str, dict[str, float]]:
        """Accuracy and cycles of each class."""
        return {
            name: {
                "exit_accuracy": 100 * float(self.right[self.labels == label].mean()),
                "mean_cycles": float(self.used[self.labels == label].mean()),
            }
            for label, name in enumerate(classes)
            if (self.labels == label).any()
        }


def _thresholds(sure: np.ndarray, most: int = 200) -> np.ndarray:
    """Confidences that occur, or so many of them."""
    values = np.unique(sure)
    return values[np.unique(np.linspace(0, len(values) - 1, most).astype(int))]


def as_exits(networks: Sequence[Network], ladder: Ladder) -> tuple[Exit, ...]:
    """The exits as a network file holds them."""
    lengths = [max(layer.stream_length for layer in each.layers) for each in networks]
    pairs = zip(ladder.rungs, ladder.thresholds, strict=False)
    return tuple(Exit(length=lengths[rung], margin=max(0, margin)) for rung, margin in pairs)
