"""Cells and logic cells of an iCE40, on outputs of the tools."""

from tool_outputs import load

from bitrain.gen.families.ice40 import ICE40
from bitrain.gen.families.resources import Resources


def test_every_kind_of_cell():
    ice40 = {"SB_LUT4": 10, "SB_CARRY": 3, "SB_DFFESR": 4, "SB_DFF": 2, "SB_RAM40_4K": 2}
    assert ICE40.count_cells(ice40) == Resources(lut=13, logic_lut=10, carry_lut=3, ff=6, bram=2)


def test_routed_logic_cells_of_ice40():
    assert ICE40.routed_luts(load("nextpnr_ice40.json")["utilization"]) == 62
