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


def with_passes(passes: Mapping[int, Sequence[Vectors]]) -> Vectors:
    """Vectors whose scores and cycles are those of each image's passes; others stay as they are.

    passes: of images by number, in turn.
    """
    some = next(iter(passes.values()))[-1]
    scores, cycles = some.scores.copy(), some.predicted_cycles.copy()
    for image, taken in passes.items():
        scores[image] = taken[-1].scores[image]
        cycles[image] = sum(int(vectors.predicted_cycles[image]) for vectors in taken)
        if len(taken) > 1 and some.fed:  # a later run has to wait for its weights
            cycles[image] = some.run_cycles[tuple(each.length for each in taken)][image]
    return replace(some, scores=scores, predicted_cycles=cycles)


class LadderChecker(Checker):
    """Compares images each of which is run at one length or several; the last gives the scores."""

    def __init__(self, passes: Mapping[int, Sequence[Vectors]], images: Sequence[int]):
        super().__init__(with_passes(passes), images)
        self._passes = passes
        self._later: list[Vectors] = []
        self._begin()

    def write(
        self,
        engine: int,
        layer: int | None,
        address: int | None,
        data: int | None,
        bank: int = 0,
    ) -> None:
        """The engine stores an activation; the first after all of a pass begins another."""
        if self._later and all(seen.all() for seen in self._seen):
            self._next_pass()
        super().write(engine, layer, address, data, bank)

    def offer(self, cycles: int | None) -> None:
        """The first score is offered: all passes are done."""
        while self._later:
            self._next_pass()
        super().offer(cycles)
        self._begin()

    def _begin(self) -> None:
        """Another image comes next, if one does."""
        if self._done[0] < len(self.images):
            first, *self._later = self._passes[self.images[self._done[0]]]
            self.vectors = replace(self.vectors, layers=first.layers)

    def _next_pass(self) -> None:
        self._end_writes(0)
        self._done[0] -= 1  # the image is not
        self.vectors = replace(self.vectors, layers=self._later.pop(0).layers)
