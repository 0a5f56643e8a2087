"""Pauses of the two streams: how a source or a sink that is not always ready behaves."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, kw_only=True)
class Stalls:
    """Before a word, with ``probability``, a pause of 1 … ``longest`` cycles."""

    probability: float
    longest: int

    def pauses(self, random: Random) -> Iterator[int]:
        """Cycles to wait before each word, without end."""
        while True:
            stalls = random.random() < self.probability
            yield random.randint(1, self.longest) if stalls else 0


NONE = Stalls(probability=0, longest=0)
"""Full rate."""
LIGHT = Stalls(probability=0.25, longest=3)
HEAVY = Stalls(probability=0.8, longest=8)
BURSTS = Stalls(probability=0.03, longest=40)
