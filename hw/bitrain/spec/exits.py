"""Exits of an anytime network: after which shorter runs an image may be decided.

An image runs at each exit's length in turn, shortest first, and stops where the best score leads
the second by the exit's margin or more; at last it runs at full length. Margins count product bits
of the run, whose unit is 1 / L of it.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

MAX_MARGIN = (1 << 31) - 1


class Exit(BaseModel):
    """One exit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length: int = Field(ge=1)
    """Most cycles of a stream, a power of two."""
    margin: int = Field(ge=0, le=MAX_MARGIN)
    """Least difference of the best two scores that decides, in product bits."""


def check_exits(exits: Sequence[Exit], longest: int) -> None:
    """Raise ValueError unless the lengths rise, are powers of two and shorter than ``longest``."""
    lengths = [each.length for each in exits]
    if any(length & (length - 1) for length in lengths):
        raise ValueError(f"exits at {lengths}: expected powers of two")
    if lengths != sorted(set(lengths)) or (lengths and lengths[-1] >= longest):
        raise ValueError(
            f"exits at {lengths}: expected lengths that rise, below the longest stream's {longest}"
        )
