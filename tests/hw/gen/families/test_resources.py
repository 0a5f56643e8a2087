"""Counting cells, on outputs of the tools."""

import json
from pathlib import Path

from bitrain.gen import Capacity, Resources
from bitrain.gen.families.ecp5 import ECP5
from bitrain.gen.families.ice40 import ICE40
from bitrain.gen.tools.nextpnr import CriticalPath, read_timing

OUTPUTS = Path(__file__).parents[1] / "outputs"
"""Files that Yosys 0.70 and nextpnr 0.11.1 wrote for the component of conftest.py."""


def load(name: str):
    return json.loads((OUTPUTS / name).read_text())


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
    ice40 = {"SB_LUT4": 10, "SB_CARRY": 3, "SB_DFFESR": 4, "SB_DFF": 2, "SB_RAM40_4K": 2}
    assert ICE40.count_cells(ice40) == Resources(lut=13, logic_lut=10, carry_lut=3, ff=6, bram=2)


def test_routed_luts_of_ecp5():
    """20 LUT4 and 13 CCU2C; five cells of two LUTs join carry chains to the fabric."""
    assert ECP5.routed_luts(load("nextpnr_ecp5.json")["utilization"]) == 20 + 2 * 13 + 2 * 5


def test_routed_luts_count_write_ports_of_distributed_ram():
    utilisation = {"TRELLIS_COMB": {"used": 12}, "TRELLIS_RAMW": {"used": 3}}
    assert ECP5.routed_luts(utilisation) == 18


def test_routed_logic_cells_of_ice40():
    assert ICE40.routed_luts(load("nextpnr_ice40.json")["utilization"]) == 62


def test_timing_of_ecp5():
    fmax, path = read_timing(load("nextpnr_ecp5.json"), ECP5)
    assert fmax is not None and fmax == 94.22 and path is not None
    assert path == CriticalPath(
        source="line", sink="total", logic_ns=7.34, routing_ns=3.27, levels=15
    )
    assert abs(1000 / fmax - path.logic_ns - path.routing_ns) < 0.02


def test_timing_of_ice40():
    fmax, path = read_timing(load("nextpnr_ice40.json"), ICE40)
    assert fmax == 152.23 and path is not None
    assert (path.source, path.sink) == ("line", "total")


def test_timing_without_registers():
    assert read_timing({"fmax": {}, "critical_paths": []}, ECP5) == (None, None)


def test_sum():
    assert Resources(lut=1, ff=2) + Resources(lut=3, bram=1) == Resources(lut=4, ff=2, bram=1)


def test_what_a_device_lacks():
    capacity = Capacity(lut=100, ff=100, bram=2, dsp=0)
    assert Resources(lut=100, ff=1, bram=2).lacks(capacity) == {}
    assert Resources(lut=101, ff=1, bram=3).lacks(capacity) == {"lut": (101, 100), "bram": (3, 2)}
