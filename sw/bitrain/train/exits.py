"""Exits of an anytime network: chosen on training images, measured on others.

Cycles are those of a stream, all runs of an image added up. The integer rival runs most significant
bits first, k bits of either number in k² cycles (``bitrain.spec.planes``).
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from bitrain import golden
from bitrain.data import Dataset
from bitrain.golden.exits import CONFIDENCES, TOLERANCES, Exits, Ladder, Outcome, as_exits
from bitrain.nn import ScModel, torch_threads
from bitrain.program import find_arithmetic
from bitrain.spec import Network, to_unipolar, with_precision, with_prefix


def runs_of(network: Network, lengths: Sequence[int], arithmetic: str) -> list[Network]:
    """The network at each of its lengths, shortest first; integers of as many bits less."""
    if find_arithmetic(arithmetic).has_streams:
        return [with_prefix(network, length) for length in lengths]
    longest = lengths[-1].bit_length()
    bits = [network.bits - (longest - length.bit_length()) for length in lengths]
    return [with_precision(network, each) for each in bits]


def cycles_of(run: Network, arithmetic: str) -> int:
    """Cycles of a stream in a run, or of a product of integers bit by bit."""
    if find_arithmetic(arithmetic).has_streams:
        return max(layer.stream_length for layer in run.layers)
    return run.bits**2


def accuracy_by_prefix(sc_model: ScModel, dataset: Dataset) -> dict[str, float]:
    """Per cent of the test images at each of several lengths, by the golden model; else empty."""
    if not sc_model.config.lengths:
        return {}
    lengths, network = sc_model.prefixes, sc_model.to_network("prefixes")
    runs = runs_of(network, lengths, sc_model.arithmetic)
    scores = _scores_of(network, runs, dataset.test_images, sc_model.arithmetic)
    return {
        str(length): 100 * float((found.argmax(1) == dataset.test_labels).mean())
        for length, found in zip(lengths, scores, strict=True)
    }


def _scores_of(
    network: Network, runs: Sequence[Network], images: np.ndarray, arithmetic: str
) -> list[np.ndarray]:
    """Scores (images, classes) of each run, by the golden model; images: in [0, 1]."""
    pixels = to_unipolar(images, network.bits)
    with torch_threads():
        return [golden.predict(run, pixels >> network.bits - run.bits, arithmetic) for run in runs]


class Anytime:
    """A network at its lengths, with the scores of all images that exits are chosen with."""

    def __init__(
        self, network: Network, lengths: Sequence[int], choosing: Dataset, arithmetic: str
    ):
        """choosing: whose test images choose the exits."""
        self.network, self.lengths, self.arithmetic = network, lengths, arithmetic
        self.runs = runs_of(network, lengths, arithmetic)
        self.cycles = [cycles_of(run, arithmetic) for run in self.runs]
        self.labels = choosing.test_labels
        self.scores = self._scores(choosing.test_images)

    def _scores(self, images: np.ndarray) -> list[np.ndarray]:
        return _scores_of(self.network, self.runs, images, self.arithmetic)

    def choose(
        self, tolerance: float, most: int, confidence: str | None = None, *, cycles: float | None
    ) -> Ladder:
        """The ladder of the fewest cycles, or for so many cycles on average.

        tolerance: points of accuracy; without effect where cycles are given.
        """
        names = [confidence] if confidence else []
        exits = Exits(self.scores, self.labels, self.cycles, *names)
        return exits.choose(tolerance / 100, most) if cycles is None else exits.within(cycles, most)

    def with_exits(self, tolerance: float, most: int, *, cycles: float | None = None) -> Network:
        """The network with the exits that are chosen."""
        exits = as_exits(self.runs, self.choose(tolerance, most, cycles=cycles))
        return Network.model_validate(dict(self.network) | {"exits": exits})

    def measure(
        self, dataset: Dataset, tolerance: float, most: int, *, cycles: float | None = None
    ) -> dict[str, Any]:
        """On the test images: accuracy at each length, and with exits; shares in per cent."""
        scores, labels = self._scores(dataset.test_images), dataset.test_labels
        ladder = self.choose(tolerance, most, cycles=cycles)
        lengths = [self.lengths[rung] for rung in ladder.rungs]
        chosen = Outcome(ladder, scores, labels, self.cycles)
        others = {
            name: Outcome(
                self.choose(tolerance, most, name, cycles=cycles), scores, labels, self.cycles, name
            )
            for name in CONFIDENCES
        }
        return {
            "lengths": list(self.lengths),
            "cycles": self.cycles,
            "accuracy": [100 * float((each.argmax(1) == labels).mean()) for each in scores],
            "chosen_on": len(self.labels),
            "tolerance": tolerance if cycles is None else None,
            "exits": [asdict(ladder) | {"lengths": lengths}],
            **chosen.summary(),
            "shares": chosen.shares(),
            "by_class": chosen.by_class(dataset.classes),
            "by_tolerance": {
                str(each): Outcome(
                    self.choose(each, most, cycles=None), scores, labels, self.cycles
                ).summary()
                for each in TOLERANCES
            },
            "by_confidence": {name: outcome.summary() for name, outcome in others.items()},
        }
