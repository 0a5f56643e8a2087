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

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

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
    changed: float
    """Share of the images, 0 … 1, that get another class than in the longest run."""


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
        self._other = [each != classes[-1] for each in classes]
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
        wanted = self._right[-1].mean() - tolerance - 1e-12

        def most_that_keep_it(stops: _Stops) -> int:
            return int(np.flatnonzero(stops.whole & (stops.accuracy >= wanted)).max(initial=0))

        found = [self._alone(), *self._ladders(most, most_that_keep_it)]
        return min(found, key=lambda ladder: (ladder.cycles, len(ladder.rungs)))

    def within(self, cycles: float, most: int = MOST_EXITS) -> Choice:
        """The ladder of so many cycles on average or fewer that changes the fewest classes.

        Of two alike the one of fewer cycles; the longest run alone where no ladder is as quick.
        most: exits, at most two.
        """

        def most_with_fewest_changes(stops: _Stops) -> int:
            quick = np.flatnonzero(stops.whole & (stops.cycles <= cycles))
            quick = quick[quick > 0]
            least = stops.changed[quick].min(initial=1)
            return int(quick[stops.changed[quick] == least].max(initial=0))

        found, alone = list(self._ladders(most, most_with_fewest_changes)), self._alone()
        if alone.cycles <= cycles or not found:
            found.append(alone)
        return min(found, key=lambda ladder: (ladder.changed, ladder.cycles))

    def _alone(self) -> Choice:
        """The longest run."""
        return Choice(
            rungs=(len(self._cycles) - 1,),
            thresholds=(),
            accuracy=float(self._right[-1].mean()),
            cycles=float(self._cycles[-1]),
            changed=0.0,
        )

    def _ladders(self, most: int, count_of: "Callable[[_Stops], int]") -> Iterator[Choice]:
        """With every first threshold; count_of says how many images stop at the last exit."""
        shorter = range(len(self._cycles) - 1)
        for number in range(1, most + 1):
            for exits in combinations(shorter, number):
                for stops in self._stops(exits):
                    if taken := count_of(stops):
                        yield Choice(
                            rungs=(*exits, len(self._cycles) - 1),
                            thresholds=(*stops.first, int(stops.sure[taken - 1])),
                            accuracy=float(stops.accuracy[taken]),
                            cycles=float(stops.cycles[taken]),
                            changed=float(stops.changed[taken]),
                        )

    def _stops(self, exits: tuple[int, ...]) -> "Iterator[_Stops]":
        """What one or two exits do, for every threshold of the first of two."""
        first, last = exits[0], exits[-1]
        everyone = np.ones(len(self._right[0]), bool)
        thresholds = [None] if len(exits) == 1 else _thresholds(self._sure[first])
        for threshold in thresholds:
            stopped, cycles = ~everyone, 0
            if threshold is not None:
                stopped, cycles = self._sure[first] >= threshold, self._cycles[first]
            running = np.flatnonzero(~stopped)
            order = running[np.argsort(-self._sure[last][running], kind="stable")]
            sure = self._sure[last][order]
            runs = len(order) * self._cycles[last]
            longest = np.arange(len(order), -1, -1) * self._cycles[-1]
            yield _Stops(
                first=() if threshold is None else (int(threshold),),
                sure=sure,
                whole=np.concatenate([[True], sure[1:] != sure[:-1], [True]])[: len(sure) + 1],
                cycles=cycles + (runs + longest) / len(everyone),
                accuracy=_shares(self._right, exits, stopped, order),
                changed=_shares(self._other, exits, stopped, order),
            )


def _shares(
    arrays: Sequence[np.ndarray], exits: tuple[int, ...], stopped: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """Share of all images with a property that they have in each run, (images,), by k.

    Images ``stopped`` have it in the first exit's, the first k in ``order`` in the last one's, and
    the others in the longest run.
    """
    early, late = (arrays[rung][order] for rung in (exits[-1], -1))
    ends = np.concatenate([[0], early.cumsum()])
    goes_on = np.concatenate([late[::-1].cumsum()[::-1], [0]])
    return (arrays[exits[0]][stopped].sum() + ends + goes_on) / len(stopped)


class _Stops(NamedTuple):
    """What happens if the k surest of the images that are left stop at an exit, by k."""

    first: tuple[int, ...]
    """Threshold of the exit before, if there is one."""
    sure: np.ndarray
    """Of the images, the surest first."""
    whole: np.ndarray
    """Whether no other image is as sure as the last that stops."""
    cycles: np.ndarray
    accuracy: np.ndarray
    changed: np.ndarray


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
