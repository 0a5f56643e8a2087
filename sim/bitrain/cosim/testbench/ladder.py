"""Early termination: which passes an image takes, and a checker of all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from .checker import Checker
from .vectors import Vectors


def passes_of(
    image: int, margins: Mapping[int, int], prefixes: Mapping[int, Vectors], limit: int
) -> list[int]:
    """Lengths at which an image is run, in turn.

    margins: the least difference of the best two scores that suffices, by length. prefixes: all
    lengths. limit: the longest that is run.
    """
    taken = []
    for length in sorted(length for length in margins if length < limit):
        taken.append(length)
        scores = np.sort(prefixes[length].scores[image])
        if len(scores) < 2 or scores[-1] - scores[-2] >= margins[length]:
            return taken
    return [*taken, limit]


class LadderChecker(Checker):
    """Compares one image that is run at several lengths; the last gives the scores."""

    def __init__(self, passes: Sequence[Vectors], image: int):
        cycles = np.sum([vectors.predicted_cycles for vectors in passes], axis=0)
        first, *self._later = (replace(vectors, predicted_cycles=cycles) for vectors in passes)
        super().__init__(first, [image])

    def write(self, engine: int, layer: int | None, address: int | None, data: int | None) -> None:
        """The engine stores an activation; the first after all of a pass begins another."""
        if self._later and all(seen.all() for seen in self._seen):
            self._next_pass()
        super().write(engine, layer, address, data)

    def offer(self, cycles: int | None) -> None:
        """The first score is offered: all passes are done."""
        while self._later:
            self._next_pass()
        super().offer(cycles)

    def _next_pass(self) -> None:
        self._end_writes(0)
        self._done = [0]  # the image is not
        self.vectors = self._later.pop(0)
