"""Resources that circuits take and devices have.

What a LUT is differs between stages, and both are given: sites that the cells of the mapped netlist
need, and sites that nextpnr's report counts after routing. Each family says which cells count how
much (``ecp5.py``, ``ice40.py``).
"""

from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How many of each resource a device has."""

    lut: int
    """LUT4 (ECP5) or logic cells (iCE40: LUT4, carry and flip-flop in one)."""
    ff: int
    bram: int
    """Block RAMs of 18 Kbit (ECP5: DP16KD) or 4 Kbit (iCE40: SB_RAM40_4K)."""
    dsp: int


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a circuit takes of a device."""

    lut: int = 0
    """LUT4 sites in all (iCE40 after routing: logic cells)."""
    logic_lut: int = 0
    """LUT4 cells among them."""
    carry_lut: int = 0
    """LUT sites that carry cells take."""
    ram_lut: int = 0
    """LUT sites that distributed RAM takes."""
    ff: int = 0
    bram: int = 0
    dsp: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )

    def lacks(self, capacity: Capacity) -> dict[str, tuple[int, int]]:
        """Resources beyond ``capacity``: name to (needed, available)."""
        pairs = {f.name: (getattr(self, f.name), getattr(capacity, f.name)) for f in _LIMITS}
        return {name: pair for name, pair in pairs.items() if pair[0] > pair[1]}


_LIMITS = fields(Capacity)
