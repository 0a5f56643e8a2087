"""The checker: compares what the monitors saw with the golden vectors, value by value.

It knows no simulator. Values that differ, are missing, come twice or belong nowhere are mismatches;
breaches of the port contract are violations.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np

from .vectors import Vectors

STOP = "TB_STOP_AT_FIRST" in os.environ
"""Set by who asks only whether anything deviates: a scenario ends there, and is not reported."""


class Place(NamedTuple):
    """Where a value belongs."""

    image: int
    """Number of the image's vectors."""
    layer: str
    channel: int | None = None
    y: int | None = None
    x: int | None = None

    @classmethod
    def of(cls, image: int, layer: str, shape: tuple[int, int, int], index: int) -> "Place":
        """Place of an element of a layer's output, by its index in C order."""
        return cls(image, layer, *(int(i) for i in np.unravel_index(index, shape)))

    def __str__(self):
        given = {key: value for key, value in self._asdict().items() if value is not None}
        return ", ".join(f"{key} {value}" for key, value in given.items())


@dataclass(frozen=True)
class Mismatch:
    """One value that is not as expected. None: no such value, or one with unknown bits."""

    place: Place
    what: str
    """``wrong value``, ``unknown bits``, ``missing``, ``written twice`` or ``outside the layer``"""
    expected: int | None
    got: int | None

    def __str__(self):
        return f"{self.place}: {self.what}, expected {self.expected}, got {self.got}"


class Checker:
    """Takes observations of a sequence of images, in the order in which they are made.

    ``images``: numbers of the vectors, in the order in which they are streamed in.
    """

    def __init__(self, vectors: Vectors, images: Sequence[int]):
        self.vectors = vectors
        self.images = tuple(images)
        self.values_compared = 0
        self.mismatches = 0
        self.first_mismatch: Mismatch | None = None
        self.violations: dict[str, int] = {}
        """How often each breach of the port contract was seen."""
        self.cycles: list[int | None] = []
        """What the cycle counter showed for each image."""
        self._num_scores = 0
        self._seen = [np.zeros(layer.expected.shape[1], bool) for layer in vectors.layers]
        self._done = [0] * len(vectors.engines)
        """Images whose layers each engine has run."""

    def write(
        self,
        engine: int,
        layer: int | None,
        address: int | None,
        data: int | None,
        bank: int = 0,
    ) -> None:
        """An engine stores an activation of one of its layers; None stands for unknown bits."""
        if self._done[engine] == len(self.images):
            self.violate("the trace shows a write after the last image's layers")
            return
        if layer is None or address is None:
            self.violate("the trace shows a write with unknown layer or address")
            return
        image, own = self.images[self._done[engine]], self._stored_by(engine)
        if layer >= len(own):
            self._mismatch(Place(image, f"number {layer}"), "outside the layer", None, data)
            return
        stored, seen = self.vectors.layers[own[layer]], self._seen[own[layer]]
        index = stored.index(bank, address)
        if index is None:
            self._mismatch(Place(image, stored.name), "outside the layer", None, data)
            return
        place = Place.of(image, stored.name, stored.shape, index)
        expected = int(stored.expected[image, index])
        if seen[index]:
            self._mismatch(place, "written twice", expected, data)
        else:
            seen[index] = True
            self._compare(place, expected, data)
        if engine + 1 < len(self._done) and self._seen[own[-1]].all():
            self._end_writes(engine)

    def offer(self, cycles: int | None) -> None:
        """The first score of the next image is offered: its layers are done."""
        self._end_writes(len(self._done) - 1)
        self.cycles.append(cycles)

    def score(self, word: int | None, class_index: int | None) -> None:
        """A word of the score stream is taken."""
        vectors = self.vectors
        bits, num_scores = vectors.score_bits, vectors.scores.shape[1]
        position, index = divmod(self._num_scores, num_scores)
        self._num_scores += 1
        image, last = self.images[position], index == num_scores - 1
        value = None
        if word is not None:
            value = word & ((1 << bits) - 1)
            value -= value >> (bits - 1) << bits
            if word >> bits != last:
                self.violate(f"last is {word >> bits} on score {index + 1} of {num_scores}")
        place = Place.of(image, vectors.score_layer, vectors.score_shape, index)
        self._compare(place, int(vectors.scores[image, index]), value)
        if last:
            winner = int(vectors.scores[image].argmax())
            self._compare(Place(image, "class_index"), winner, class_index)

    def violate(self, breach: str) -> None:
        """Note a breach of the port contract."""
        self.violations[breach] = self.violations.get(breach, 0) + 1
        assert not STOP, breach

    def finish(self) -> None:
        """Count what never came as missing."""
        vectors = self.vectors
        for engine, done in enumerate(self._done):
            for _ in self.images[done:]:
                self._end_writes(engine)
        num_scores = vectors.scores.shape[1]
        for taken in range(self._num_scores, len(self.images) * num_scores):
            image, index = self.images[taken // num_scores], taken % num_scores
            place = Place.of(image, vectors.score_layer, vectors.score_shape, index)
            self._missing(place, int(vectors.scores[image, index]))

    def problems(self) -> list[str]:
        """Everything that deviates, a line each."""
        lines = []
        if self.mismatches:
            lines.append(f"mismatches: {self.mismatches}, the first: {self.first_mismatch}")
        lines += [f"{breach} ({count}x)" for breach, count in self.violations.items()]
        # In a pipeline an image may wait for those before it, or for weights.
        waits = len(self._done) > 1 or self.vectors.fed
        predicted = self.vectors.predicted_cycles[list(self.images)]
        if unlike := [
            f"{found} cycles, predicted {expected}"
            for found, expected in zip(self.cycles, predicted.tolist(), strict=False)
            if found is None or found < expected or (found > expected and not waits)
        ]:
            lines.append(f"{unlike[0]} ({len(unlike)}x)")
        return lines

    def check_cycles(self, predicted: Sequence[int]) -> None:
        """Cycles of the images must be as predicted, one by one."""
        for found, expected in zip(self.cycles, predicted, strict=False):
            if found != expected:
                self.violate(f"{found} cycles, predicted {expected}")

    def summary(self) -> dict:
        """Everything that was found, as JSON values."""
        first, unanswered = self.first_mismatch, len(self.images) - len(self.cycles)
        return {
            "images": list(self.images),
            "values_compared": self.values_compared,
            "mismatches": self.mismatches,
            "first_mismatch": first and {**asdict(first), "place": first.place._asdict()},
            "cycles": self.cycles + [None] * unanswered,
            "problems": self.problems(),
        }

    def _stored_by(self, engine: int) -> range:
        """Numbers of the layers whose activations an engine stores; the last gives scores."""
        layers = self.vectors.engines[engine]
        return range(layers.start, min(layers.stop, len(self.vectors.layers)))

    def _end_writes(self, engine: int) -> None:
        """An engine has run its layers for an image."""
        image = self.images[self._done[engine]]
        self._done[engine] += 1
        for number in self._stored_by(engine):
            layer, seen = self.vectors.layers[number], self._seen[number]
            for index in np.flatnonzero(~seen).tolist():
                place = Place.of(image, layer.name, layer.shape, index)
                self._missing(place, int(layer.expected[image, index]))
            seen[:] = False

    def _compare(self, place: Place, expected: int, got: int | None) -> None:
        self.values_compared += 1
        if got != expected:
            self._mismatch(place, "unknown bits" if got is None else "wrong value", expected, got)

    def _missing(self, place: Place, expected: int) -> None:
        self.values_compared += 1
        self._mismatch(place, "missing", expected, None)

    def _mismatch(self, place: Place, what: str, expected: int | None, got: int | None) -> None:
        self.mismatches += 1
        self.first_mismatch = self.first_mismatch or Mismatch(place, what, expected, got)
        assert not STOP, str(self.first_mismatch)
