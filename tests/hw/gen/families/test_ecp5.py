"""Cells and LUTs of an ECP5, on outputs of the tools."""

from tool_outputs import load

from bitrain.gen.families.ecp5 import ECP5
from bitrain.gen.families.resources import Resources


def test_cells_of_ecp5():
    cells = load("yosys_ecp5.json")["design"]["num_cells_by_type"]
    assert ECP5.count_cells(cells) == Resources(lut=46, logic_lut=20, carry_lut=26, ff=33, bram=1)


def test_every_kind_of_cell():
    ecp5 = {
        "LUT4": 10,
        "CCU2C": 3,
        "TRELLIS_DPR16X4": 2,
        "TRELLIS_FF": 7,
        "DP16KD": 4,
        "MULT18X18D": 1,
        "PFUMX": 5,
        "L6MUX21": 2,
    }
    assert ECP5.count_cells(ecp5) == Resources(
        lut=28, logic_lut=10, carry_lut=6, ram_lut=12, ff=7, bram=4, dsp=1
    )


def test_routed_luts_of_ecp5():
    """20 LUT4 and 13 CCU2C; five cells of two LUTs join carry chains to the fabric."""
    assert ECP5.routed_luts(load("nextpnr_ecp5.json")["utilization"]) == 20 + 2 * 13 + 2 * 5


def test_routed_luts_count_write_ports_of_distributed_ram():
    utilisation = {"TRELLIS_COMB": {"used": 12}, "TRELLIS_RAMW": {"used": 3}}
    assert ECP5.routed_luts(utilisation) == 18
