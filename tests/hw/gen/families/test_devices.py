"""Devices by name."""

import pytest

from bitrain.gen.families.devices import DEVICES, find_device
from bitrain.spec import BitrainError


def test_unknown_device():
    with pytest.raises(BitrainError, match="device 'zynq' is unknown; choose one of ecp5-25k, "):
        find_device("zynq")


def test_every_device_is_named_by_its_key():
    assert all(find_device(name).name == name for name in DEVICES)
