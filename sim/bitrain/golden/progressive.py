"""Early termination: a ladder of stream prefixes, left once the best two scores lie far apart.

The ladder runs the whole network at each prefix in turn until the margin between the best two
scores reaches the rung's threshold. Thresholds come from images whose full-length class is known
too. After A. Alaghi and J. P. Hayes, *Survey of stochastic computing*, ACM TECS 12 (2013),
progressive precision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bitrain.spec import Network

from .model import predict


@dataclass(frozen=True, kw_only=True)
class Progressive:
    """What the ladder decided, and where."""

    classes: np.ndarray
    """(images,), int64."""
    rungs: np.ndarray
    """Index of the network that decided, (images,), int64."""


def margins(network: Network, scores: np.ndarray) -> np.ndarray:
    """Best score less the second best, (images,), float64, in units of 1: product bits / L.

    scores: (images, classes) of ``network``. A single class is decided from the start: infinity.
    """
    if scores.shape[1] < 2:
        return np.full(len(scores), np.inf)
    second, best = np.partition(scores, -2, axis=1)[:, -2:].T
    return (best - second) / network.layers[-1].stream_length


def run_progressive(
    networks: Sequence[Network], images: np.ndarray, thresholds: Sequence[float]
) -> Progressive:
    """Run each image through ``networks`` until its margin reaches the threshold of the rung.

    networks: shortest prefix first. images: integers in [0, 2^n], (images, channels, rows,
    columns). thresholds: as :func:`margins`, one per network but the last, which always decides.
    """
    if len(thresholds) != len(networks) - 1:
        raise ValueError(f"{len(networks)} networks need {len(networks) - 1} thresholds")
    classes, rungs = np.zeros((2, len(images)), np.int64)
    running = np.arange(len(images))
    for rung, network in enumerate(networks):
        scores = predict(network, images[running])
        classes[running], rungs[running] = scores.argmax(1), rung
        if rung < len(thresholds):
            running = running[margins(network, scores) < thresholds[rung]]
    return Progressive(classes=classes, rungs=rungs)


def calibrate_thresholds(
    networks: Sequence[Network], images: np.ndarray, tolerance: float
) -> tuple[float, ...]:
    """The least thresholds at which each rung is wrong about at most a share of the images.

    tolerance: share of ``images``, 0 … 1, that may stop at one rung although the last network gives
    another class. Images are as for :func:`run_progressive` and not those that accuracy is reported
    on. Margins come in steps of 1 / L, so thresholds do too.
    """
    return _Calibration(networks, images, tolerance).thresholds(range(len(networks)))[0]


def choose_rungs(
    networks: Sequence[Network], cycles: Sequence[int], images: np.ndarray, tolerance: float
) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The rungs worth their cycles, as indices into ``networks``, and their thresholds.

    All ladders that end in the last network are compared; the one of the fewest cycles on average
    over ``images`` is taken. cycles: one pass of each network. The rest is as for
    :func:`calibrate_thresholds`.
    """
    calibration = _Calibration(networks, images, tolerance)
    last, best = len(networks) - 1, (np.inf, (), ())
    for count in range(len(networks)):
        for shorter in combinations(range(last), count):
            rungs = (*shorter, last)
            thresholds, stops = calibration.thresholds(rungs)
            mean = np.cumsum([cycles[rung] for rung in rungs])[stops].mean()
            if mean < best[0]:
                best = (mean, rungs, thresholds)
    return best[1:]


class _Calibration:
    """Every image at every prefix: its margin, and whether the class is another in the end."""

    def __init__(self, networks: Sequence[Network], images: np.ndarray, tolerance: float):
        if not len(images) or not 0 <= tolerance <= 1:
            raise ValueError(f"expected images and a tolerance in 0 … 1, got {tolerance}")
        self._networks = networks
        self._allowed = int(tolerance * len(images))
        scores = [predict(network, images) for network in networks]
        self._margins = [margins(*pair) for pair in zip(networks, scores, strict=True)]
        self._wrong = [s.argmax(1) != scores[-1].argmax(1) for s in scores]

    def thresholds(self, rungs: Sequence[int]) -> tuple[tuple[float, ...], np.ndarray]:
        """Thresholds of a ladder of some of the networks, and on which rung each image stops."""
        found, stops = [], np.zeros(len(self._margins[0]), np.int64)
        for rung in rungs[:-1]:
            margin, running = self._margins[rung], stops == len(found)
            wrong = np.sort(margin[self._wrong[rung] & running])[::-1]
            step = 1 / self._networks[rung].layers[-1].stream_length
            enough = len(wrong) > self._allowed
            found.append(float(wrong[self._allowed] + step) if enough else 0.0)
            stops += running & (margin < found[-1])
        return tuple(found), stops
