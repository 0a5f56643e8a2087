"""Counting cells of netlists in the resources of a device.

What a LUT is differs between stages, and both are given. After synthesis, ECP5: one per LUT4, two
per CCU2C (a carry cell fills both LUTs of a slice), six per TRELLIS_DPR16X4 (four to hold 16 x 4
bits, two for its write port): nextpnr's "Total LUT4s". After routing: nextpnr's TRELLIS_COMB and
twice TRELLIS_RAMW, which add a cell wherever a carry chain begins or ends in the fabric. iCE40:
after synthesis SB_LUT4 plus SB_CARRY, an upper bound as the packer joins most pairs; after routing
ICESTORM_LC, logic cells that hold any of LUT, carry and flip-flop.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from .devices import Capacity

_ECP5_DPR_LUTS, _ECP5_RAMW_LUTS = 4, 2


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a circuit takes of a device."""

    lut: int = 0
    """LUT4 sites in all (iCE40 after routing: logic cells)."""
    logic_lut: int = 0
    """Of these, LUT4 cells."""
    carry_lut: int = 0
    """Of these, taken by carry cells."""
    ram_lut: int = 0
    """Of these, taken by distributed RAM."""
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


def count_cells(cells: Mapping[str, int]) -> Resources:
    """Resources of the cells of a mapped netlist (Yosys' ``num_cells_by_type``)."""

    def total(*prefixes: str) -> int:
        return sum(count for name, count in cells.items() if name.startswith(prefixes))

    logic = total("LUT4", "SB_LUT4")
    carry = 2 * total("CCU2C") + total("SB_CARRY")
    ram = (_ECP5_DPR_LUTS + _ECP5_RAMW_LUTS) * total("TRELLIS_DPR16X4")
    return Resources(
        lut=logic + carry + ram,
        logic_lut=logic,
        carry_lut=carry,
        ram_lut=ram,
        ff=total("TRELLIS_FF", "SB_DFF"),
        bram=total("DP16KD", "PDPW16KD", "SB_RAM40_4K"),
        dsp=total("MULT18X18D", "SB_MAC16"),
    )


def routed_luts(utilisation: Mapping[str, Mapping[str, int]]) -> int:
    """LUT sites (logic cells) in the ``utilization`` of a nextpnr report."""

    def used(name: str) -> int:
        return utilisation.get(name, {}).get("used", 0)

    return used("TRELLIS_COMB") + _ECP5_RAMW_LUTS * used("TRELLIS_RAMW") + used("ICESTORM_LC")
