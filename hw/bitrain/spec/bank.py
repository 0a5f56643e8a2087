"""SNG banks: one sequence source seen by many lanes through wires that cost nothing.

Lanes of a bank share the source; lane j sees the source's bits rotated and some of them inverted,
which is again a permutation of 0 … 2^n - 1. A stochastic number generator (SNG) makes the bit of a
number x in 0 … 2^n from the value v of its lane in this cycle, in one of two ways:

- a *comparator* gives v < x;
- a *multiplexer* gives bit h of x, h being the place of the highest one of v (2^h <= v < 2^(h+1)),
  and 0 for v = 0; the number x = 2^n gives 1 always.

Over a period either has exactly x ones: x of the values lie below x, and 2^h values have their
highest one at h. A multiplexer's h is the same for all numbers of a lane, so that it is decoded
once for them, and of lanes that are wired alike once for all; with the bit-reversed counter as
source it is the place of the counter's lowest one. (P. K. Gupta and R. Kumaresan, *Binary
multiplication with PN sequences*, IEEE Trans. ASSP 36 (1988); H. Sim and J. Lee, *A new stochastic
computing multiplier with application to deep convolutional neural networks*, DAC 2017.)
"""

from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from .sequence import Sequence

MAX_LANES = 256

Generator = Literal["comparator", "multiplexer"]


class LaneWire(BaseModel):
    """Lane value = rotate_left(source value, ``rotate``) XOR ``invert``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotate: int = Field(default=0, ge=0)
    invert: int = Field(default=0, ge=0)


class SngBank(BaseModel):
    """A sequence, the wiring of each lane to it, and what makes bits of its values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence: Sequence
    lanes: tuple[LaneWire, ...] = Field(min_length=1, max_length=MAX_LANES)
    generator: Generator = Field(default="comparator", exclude_if=lambda kind: kind == "comparator")

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
        """Value that each lane sees in cycles 0 … length - 1: (lanes, length), uint16."""
        width = self.sequence.width
        source = self.sequence.values[:length].astype(np.uint32)
        mask = (1 << width) - 1
        rows = [
            ((source << w.rotate | source >> (width - w.rotate)) & mask) ^ w.invert
            for w in self.lanes
        ]
        return np.stack(rows).astype(np.uint16)

    def selects(self, length: int) -> np.ndarray:
        """What :meth:`bits` takes of each value: (lanes, length), uint16.

        For comparators the value v, for multiplexers its highest one, 2^h, or 0.
        """
        values = self.values(length)
        if self.generator == "multiplexer":
            below = values >> 1
            for step in (1, 2, 4, 8):
                below |= below >> step
            values &= ~below
        return values

    def bits(self, selects: Any, numbers: Any) -> Any:
        """Bits of ``numbers``, 0 … 2^n, where lanes select so: arrays or tensors that broadcast."""
        if self.generator == "comparator":
            return selects < numbers
        return (selects & numbers | numbers >> self.sequence.width) != 0

    def meets(self, other: Self) -> np.ndarray:
        """Lanes that see the same values, or select the same bits, as those of ``other``."""
        one = 1 << self.sequence.width
        same = (self.values(one) == other.values(one)).all(1)
        if self.generator == other.generator:
            same |= (self.selects(one) == other.selects(one)).all(1)
        return np.flatnonzero(same)
