"""The families, and the FPGAs that synthesis knows. A new family is one more line here."""

from bitrain.spec import BitrainError

from .ecp5 import ECP5
from .family import Device
from .ice40 import ICE40

FAMILIES = {
    ECP5.name: ECP5,
    ICE40.name: ICE40,
}
DEVICES = {device.name: device for family in FAMILIES.values() for device in family.devices()}
DEFAULT_DEVICE = "ecp5-85k"


def find_device(name: str) -> Device:
    """The device of that name, or :class:`BitrainError` with the names that there are."""
    if name not in DEVICES:
        raise BitrainError(f"device {name!r} is unknown; choose one of {', '.join(DEVICES)}")
    return DEVICES[name]
