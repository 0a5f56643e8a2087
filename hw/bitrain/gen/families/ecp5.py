"""Lattice ECP5.

Sources: Lattice FPGA-DS-02012 (devices; the counts are those that nextpnr reports as available),
FPGA-TN-02204 (block RAM of 18 Kbit).

After synthesis a LUT is a LUT4, and a carry cell (CCU2C) fills both LUTs of a slice: nextpnr's
"Total LUT4s". Routing adds a cell wherever a carry chain begins or ends in the fabric.
"""

from .family import Device, Family, Pin
from .memory_mapping import MemoryCell
from .resources import Capacity

_DPR_LUTS, _RAMW_LUTS = 4, 2
"""LUTs of distributed RAM that hold 16 x 4 bits, and those of its write port."""


class _Ecp5(Family):
    def devices(self) -> tuple[Device, ...]:
        sizes = ((25, 24288, 56, 28), (45, 43848, 108, 72), (85, 83640, 208, 156))
        return tuple(
            Device(
                name=f"ecp5-{size}k",
                family=self,
                part=f"LFE5U-{size}F-6BG381C",
                capacity=Capacity(lut=lut, ff=lut, bram=bram, dsp=dsp),
                frequency=100,
                route_options=(
                    *(f"--{size}k", "--package", "CABGA381", "--speed", "6"),
                    "--lpf-allow-unconstrained",
                ),
            )
            for size, lut, bram, dsp in sizes
        )

    def pin_constraints(self, pin: Pin) -> list[str]:
        attributes = " ".join(f"{name}={value}" for name, value in pin.attributes.items())
        return [
            f'LOCATE COMP "{pin.port}" SITE "{pin.site}";',
            f'IOBUF PORT "{pin.port}" {attributes};',
        ]

    def package_options(self, package: str, speed: str) -> tuple[str, ...]:
        return "--speed", speed, *super().package_options(package, speed)


ECP5 = _Ecp5(
    name="ecp5",
    title="ECP5",
    memory_cells=(  # in the order in which synthesis asks them
        MemoryCell(use="ram_lut", shapes=((16, 4),), enabled=4, cost=4, holds_roms=False),
        MemoryCell(
            use="bram",
            shapes=((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1)),
            enabled=9,
            cost=128,
            reads=2,
        ),
    ),
    synth="synth_ecp5",
    cells={
        "LUT4": ("logic_lut", 1),
        "CCU2C": ("carry_lut", 2),
        "TRELLIS_DPR16X4": ("ram_lut", _DPR_LUTS + _RAMW_LUTS),
        "TRELLIS_FF": ("ff", 1),
        "DP16KD": ("bram", 1),
        "PDPW16KD": ("bram", 1),
        "MULT18X18D": ("dsp", 1),
    },
    joins_carries=False,
    router="nextpnr-ecp5",
    routed_sites={"TRELLIS_COMB": 1, "TRELLIS_RAMW": _RAMW_LUTS},
    cell_names=("TRELLIS_", "LUT4", "CCU2C", "PFUMX", "L6MUX21"),
    constraint_suffix="lpf",
    constraint_option="--lpf",
    target_constraints=(
        "# Target frequency for nextpnr-ecp5; add LOCATE and IOBUF lines for your board.\n"
        'FREQUENCY PORT "{clock}" {mhz:g} MHZ;\n'
    ),
    core_flow="trellis",
    packages={"BG381": "CABGA381", "MG285": "CSFBGA285"},
    routed_option="--textcfg",
    packer="ecppack",
    bitstream_suffix="bit",
)
