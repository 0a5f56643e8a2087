"""Lattice iCE40.

Sources: Lattice FPGA-DS-02029 (LP/HX) and FPGA-DS-02008 (UltraPlus; the counts are those that
nextpnr reports as available), FPGA-TN-02002 (block RAM of 4 Kbit).

After synthesis LUTs are SB_LUT4 plus SB_CARRY, an upper bound as the packer joins most pairs; after
routing they are logic cells (ICESTORM_LC), which hold any of LUT, carry and flip-flop.
"""

from .family import Device, Family, Pin
from .memory_mapping import MemoryCell
from .resources import Capacity


class _Ice40(Family):
    def devices(self) -> tuple[Device, ...]:
        return (
            Device(
                name="ice40-hx8k",
                family=self,
                part="iCE40HX8K-CT256",
                capacity=Capacity(lut=7680, ff=7680, bram=32, dsp=0),
                frequency=50,
                synth_options=("-device", "hx"),
                route_options=("--hx8k", "--package", "ct256", "--pcf-allow-unconstrained"),
            ),
            Device(
                name="ice40-up5k",
                family=self,
                part="iCE40UP5K-SG48",
                capacity=Capacity(lut=5280, ff=5280, bram=30, dsp=8),
                frequency=24,
                synth_options=("-device", "u"),
                route_options=("--up5k", "--package", "sg48", "--pcf-allow-unconstrained"),
            ),
        )

    def pin_constraints(self, pin: Pin) -> list[str]:
        pulled = "-pullup yes " if pin.attributes.get("PULLUP") == "1" else ""
        return [f"set_io {pulled}{pin.port} {pin.site}"]


ICE40 = _Ice40(
    name="ice40",
    title="iCE40",
    memory_cells=(
        MemoryCell(
            use="bram",
            shapes=((256, 16), (512, 8), (1024, 4), (2048, 2)),
            enabled=1,
            cost=64,
        ),
    ),
    synth="synth_ice40",
    cells={
        "SB_LUT4": ("logic_lut", 1),
        "SB_CARRY": ("carry_lut", 1),
        "SB_DFF": ("ff", 1),
        "SB_RAM40_4K": ("bram", 1),
        "SB_MAC16": ("dsp", 1),
    },
    joins_carries=True,
    router="nextpnr-ice40",
    routed_sites={"ICESTORM_LC": 1},
    cell_names=("SB_",),
    constraint_suffix="pcf",
    constraint_option="--pcf",
    target_constraints=(
        "# Target frequency for nextpnr-ice40; add set_io lines for your board.\n"
        "set_frequency {clock} {mhz:g}\n"
    ),
    core_flow="icestorm",
    packages={"SG48": "sg48"},
    routed_option="--asc",
    packer="icepack",
    bitstream_suffix="bin",
)
