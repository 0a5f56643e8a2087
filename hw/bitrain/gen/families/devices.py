"""FPGAs that synthesis knows: capacity, and what the tools call them.

Sources: Lattice FPGA-DS-02012 (ECP5), FPGA-DS-02029 (iCE40 LP/HX), FPGA-DS-02008 (iCE40
UltraPlus); the counts are those that nextpnr reports as available.
"""

from dataclasses import dataclass
from typing import Literal

from bitrain.spec import BitrainError


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
class Device:
    """An FPGA in a package."""

    name: str
    family: Literal["ecp5", "ice40"]
    part: str
    capacity: Capacity
    frequency: float
    """Target in MHz unless the user gives one."""
    synth_options: tuple[str, ...]
    """For Yosys' synth_<family>."""
    route_options: tuple[str, ...]
    """For nextpnr-<family>."""


def _ecp5(size: int, lut: int, bram: int, dsp: int) -> Device:
    return Device(
        name=f"ecp5-{size}k",
        family="ecp5",
        part=f"LFE5U-{size}F-6BG381C",
        capacity=Capacity(lut=lut, ff=lut, bram=bram, dsp=dsp),
        frequency=100,
        synth_options=(),
        route_options=(
            *(f"--{size}k", "--package", "CABGA381", "--speed", "6"),
            "--lpf-allow-unconstrained",
        ),
    )


DEVICES = {
    device.name: device
    for device in (
        _ecp5(25, 24288, 56, 28),
        _ecp5(45, 43848, 108, 72),
        _ecp5(85, 83640, 208, 156),
        Device(
            name="ice40-hx8k",
            family="ice40",
            part="iCE40HX8K-CT256",
            capacity=Capacity(lut=7680, ff=7680, bram=32, dsp=0),
            frequency=50,
            synth_options=("-device", "hx"),
            route_options=("--hx8k", "--package", "ct256", "--pcf-allow-unconstrained"),
        ),
        Device(
            name="ice40-up5k",
            family="ice40",
            part="iCE40UP5K-SG48",
            capacity=Capacity(lut=5280, ff=5280, bram=30, dsp=8),
            frequency=24,
            synth_options=("-device", "u"),
            route_options=("--up5k", "--package", "sg48", "--pcf-allow-unconstrained"),
        ),
    )
}
DEFAULT_DEVICE = "ecp5-85k"


def find_device(name: str) -> Device:
    """The device of that name, or :class:`BitrainError` with the names that there are."""
    if name not in DEVICES:
        raise BitrainError(f"device {name!r} is unknown; choose one of {', '.join(DEVICES)}")
    return DEVICES[name]
