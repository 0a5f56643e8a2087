"""SNG banks: one sequence source seen by many lanes through wires that cost nothing.

A stochastic number generator compares a number with a random value each cycle. Lanes of a bank
share the source; lane j sees the source's bits rotated and some of them inverted, which is again
a permutation of 0 … 2^n - 1, so each lane's streams keep their exact count of ones.
"""

from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from .sequence import Sequence

MAX_LANES = 256


class LaneWire(BaseModel):
    """Lane value = rotate_left(source value, ``rotate``) XOR ``invert``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotate: int = Field(default=0, ge=0)
    invert: int = Field(default=0, ge=0)


class SngBank(BaseModel):
    """A sequence and the wiring of each lane to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence: Sequence
    lanes: tuple[LaneWire, ...] = Field(min_length=1, max_length=MAX_LANES)

    @model_validator(mode="after")
    def _check_lanes(self):
        width = self.sequence.width
        for j, lane in enumerate(self.lanes):
            if lane.rotate >= width or lane.invert >= 1 << width:
                raise ValueError(f"lane {j} rotates or inverts beyond the {width} bits of the bank")
        return self

    @classmethod
    def wired(
        cls, sequence: Sequence, num_lanes: int, wiring: Literal["identical", "rotated"]
    ) -> Self:
        """All lanes alike, or lane j rotated by j (mod n)."""
        step = 1 if wiring == "rotated" else 0
        lanes = (LaneWire(rotate=step * j % sequence.width) for j in range(num_lanes))
        return cls(sequence=sequence, lanes=tuple(lanes))

    def values(self, length: int) -> np.ndarray:
        """Value each lane compares with in cycles 0 … length - 1: (lanes, length), uint16."""
        width = self.sequence.width
        source = self.sequence.values[:length].astype(np.uint32)
        mask = (1 << width) - 1
        rows = [
            ((source << w.rotate | source >> (width - w.rotate)) & mask) ^ w.invert
            for w in self.lanes
        ]
        return np.stack(rows).astype(np.uint16)
