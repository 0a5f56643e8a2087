"""Early termination: a ladder of stream prefixes, left once the best two scores lie far apart.

The ladder runs the whole network at each prefix in turn until the margin between the best two
scores reaches the rung's threshold (``exits`` chooses them). After A. Alaghi and J. P. Hayes,
*Survey of stochastic computing*, ACM TECS 12 (2013), progressive precision.
"""

from collections.abc import Sequence
from dataclasses import dataclass

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
