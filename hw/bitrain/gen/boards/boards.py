"""Boards: the FPGA, clock and pins that amaranth-boards knows, as a device and constraints.

Everything about a board's wiring comes from its platform class there; this module chooses which
of its resources serve as clock, serial line and light, and writes them down for nextpnr.
"""

from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

from amaranth.build import Attrs, Pins, Resource, Subsignal
from amaranth.lib.io import SingleEndedPort

from bitrain.rtl.ports.uart_receiver import MIN_DIVISOR
from bitrain.spec import BitrainError

from ..families.devices import find_device
from ..families.family import Device, Pin

WORST_BAUD_ERROR = 0.02
"""A receiver that samples in the middle of a bit bears 5 % over ten bits, both ends together."""


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """Which platform class, and which of its resources."""

    platform: str
    """Module and class in amaranth_boards."""
    device: str
    """Name in the table of devices."""
    led: tuple[str, ...]
    """Resource, and subsignal where it has several."""
    serial_pins: tuple[str, str] | None = None
    """Receiver and transmitter on the first connector, for boards without a serial adapter."""
    pack_options: tuple[str, ...] = ()


_ULX3S = _Choice(
    platform="ulx3s.ULX3S_85F_Platform",
    device="ecp5-85k",
    led=("led",),
    pack_options=("--compress",),
)
# Pins 0 and 1 are RX and TX of a Feather board.
_ORANGECRAB = _Choice(
    platform="orangecrab_r0_2.OrangeCrabR0_2_25FPlatform",
    device="ecp5-25k",
    led=("rgb_led", "g"),
    serial_pins=("0", "1"),
    pack_options=("--compress", "--freq", "38.8"),
)
_BOARDS = {
    "ulx3s": _ULX3S,
    "ulx3s-45f": replace(_ULX3S, platform="ulx3s.ULX3S_45F_Platform", device="ecp5-45k"),
    "ulx3s-25f": replace(_ULX3S, platform="ulx3s.ULX3S_25F_Platform", device="ecp5-25k"),
    "icebreaker": _Choice(
        platform="icebreaker.ICEBreakerPlatform", device="ice40-up5k", led=("led",)
    ),
    "orangecrab": _ORANGECRAB,
    "orangecrab-85f": replace(
        _ORANGECRAB, platform="orangecrab_r0_2.OrangeCrabR0_2_85FPlatform", device="ecp5-85k"
    ),
}
BOARDS = tuple(_BOARDS)
"""Names of the boards."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board with an FPGA and a serial line."""

    name: str
    device: Device
    """The device in its package, without leave to place ports at will."""
    clock_hz: float
    pins: tuple[Pin, ...]
    """Pins of the ports clk, rx, tx and busy."""
    pack_options: tuple[str, ...]
    """For the packer."""

    @property
    def led_active_low(self) -> bool:
        """Whether the light of ``busy`` shines at 0."""
        return self.pins[-1].inverted

    def divisor(self, baud: int) -> int:
        """Clock cycles of a bit; :class:`BitrainError` where the clock does not give the rate."""
        divisor = max(1, round(self.clock_hz / baud))
        if divisor < MIN_DIVISOR or abs(self.clock_hz / divisor / baud - 1) > WORST_BAUD_ERROR:
            raise BitrainError(
                f"--baud {baud}: {self.name}'s clock of {self.clock_hz / 1e6:g} MHz cannot give it "
                f"within {WORST_BAUD_ERROR:.0%}; choose a quotient of the clock, at most "
                f"{self.clock_hz / MIN_DIVISOR:.0f}, such as 115200"
            )
        return divisor

    def constraints(self) -> str:
        """Pins for nextpnr."""
        lines = [line for pin in self.pins for line in self.device.family.pin_constraints(pin)]
        head = f"# {self.name}, from amaranth-boards"
        return "\n".join([head, *lines, ""])


def find_board(name: str) -> Board:
    """The board of that name, or :class:`BitrainError` with the names that there are."""
    if name not in _BOARDS:
        raise BitrainError(f"board {name!r} is unknown; choose one of {', '.join(BOARDS)}")
    choice = _BOARDS[name]
    module, _, class_name = choice.platform.partition(".")
    platform = getattr(import_module(f"amaranth_boards.{module}"), class_name)()
    if choice.serial_pins:
        platform.add_resources([_serial_resource(*choice.serial_pins)])
    uart, light = _request(platform, "uart"), _request(platform, choice.led[0])
    for signal in choice.led[1:]:
        light = getattr(light, signal)
    return Board(
        name=name,
        device=_packaged(find_device(choice.device), platform),
        clock_hz=platform.default_clk_frequency,
        pins=(
            _pin("clk", _request(platform, platform.default_clk)),
            _pin("rx", uart.rx),
            _pin("tx", uart.tx),
            _pin("busy", light),
        ),
        pack_options=choice.pack_options,
    )


def _serial_resource(rx: str, tx: str) -> Resource:
    return Resource(
        *("uart", 0),
        Subsignal("rx", Pins(rx, dir="i", conn=("io", 0))),
        Subsignal("tx", Pins(tx, dir="o", conn=("io", 0))),
        Attrs(IO_TYPE="LVCMOS33"),
    )


def _request(platform: Any, resource: str) -> Any:
    """Ports of a resource without buffers, which nextpnr makes."""
    parts = platform.lookup(resource, 0).ios
    signals = {part.name: "-" for part in parts if hasattr(part, "name")}
    return platform.request(resource, 0, dir=signals or "-")


def _pin(port: str, requested: SingleEndedPort) -> Pin:
    (site,) = requested.io.metadata
    return Pin(
        port=port,
        site=site.name,
        attributes={name: str(value) for name, value in site.attrs.items()},
        inverted=requested.invert[0],
    )


def _packaged(device: Device, platform: Any) -> Device:
    """The device in the board's package."""
    speed = str(getattr(platform, "speed", ""))
    package = device.family.package_options(platform.package, speed)
    options = (device.route_options[0], *package)
    return replace(device, part=platform.device, route_options=options)
