"""Pareto curves of accuracy against speed, and how sure their ratio is.

A curve's rate at an accuracy is interpolated in its logarithm between the two points of its front
on either side; below the least accurate point it is that point's, above the most accurate one there
is none. Uncertainty comes from the images: both curves are measured on the same draws of test
images with replacement, a paired bootstrap (B. Efron and R. J. Tibshirani, *An Introduction to the
Bootstrap*, 1993), each accuracy the median over the seeds.
"""

from collections.abc import Mapping, Sequence

import numpy as np

DRAWS, SEED = 1000, 0
INTERVAL = 2.5, 97.5
"""Percentiles of the draws that bound what is given as 95 %."""


def front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Of (accuracy, rate): those that no other beats in both, the least accurate first."""
    best: list[tuple[float, float]] = []
    for accuracy, rate in sorted(set(points), reverse=True):
        if not best or rate > best[-1][1]:
            best.append((accuracy, rate))
    return best[::-1]


def rate_at(points: Sequence[tuple[float, float]], accuracy: float) -> float:
    """Rate of the points' curve at ``accuracy``; NaN above the most accurate."""
    accuracies, rates = np.array(front(points)).T
    if accuracy > accuracies[-1]:
        return float("nan")
    return float(np.exp(np.interp(accuracy, accuracies, np.log(rates))))


def best_ratio(
    points: Sequence[tuple[float, float]], rivals: Sequence[tuple[float, float]], least: float
) -> tuple[float, float]:
    """The accuracy of at least ``least`` where the points' rate is most of the rivals', and it.

    Ratios of curves that are straight between points are largest at one of these, or at ``least``.
    Both are NaN where one of the curves does not reach ``least``.
    """
    both = [*front(points), *front(rivals)]
    places = [least, *sorted({accuracy for accuracy, _ in both if accuracy > least})]
    ratios = [rate_at(points, place) / rate_at(rivals, place) for place in places]
    if np.isnan(ratios).all():
        return float("nan"), float("nan")
    index = int(np.nanargmax(ratios))
    return places[index], ratios[index]


class Draws:
    """Accuracies (%) of all contenders on the same draws of images."""

    def __init__(self, right: Mapping[str, np.ndarray]):
        """right: (seeds, images), whether the class is right, by contender."""
        rng = np.random.default_rng(SEED)
        images = next(iter(right.values())).shape[1]
        counts = rng.multinomial(images, np.full(images, 1 / images), DRAWS)
        weights = counts.astype(np.float32).T / np.float32(images)
        self._accuracies = {
            name: 100 * np.median(each.astype(np.float32) @ weights, axis=0).astype(float)
            for name, each in right.items()
        }

    def interval(self, name: str) -> list[float]:
        """95 % of a contender's accuracies."""
        return np.percentile(self._accuracies[name], INTERVAL).tolist()

    def best_ratio(
        self, rates: Mapping[str, float], rivals: Mapping[str, float], least: float
    ) -> list[float]:
        """95 % of :func:`best_ratio`, rates by contender.

        Draws in which a curve does not reach ``least`` are left out; empty if half of them are.
        """
        found = []
        for draw in range(DRAWS):
            ours, theirs = (
                [(self._accuracies[name][draw], rate) for name, rate in each.items()]
                for each in (rates, rivals)
            )
            found.append(best_ratio(ours, theirs, least)[1])
        known = np.array(found)[~np.isnan(found)]
        return np.percentile(known, INTERVAL).tolist() if len(known) > DRAWS / 2 else []
