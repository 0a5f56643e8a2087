"""Sums of resources, and what a device lacks."""

from bitrain.gen.families.resources import Capacity, Resources


def test_sum():
    assert Resources(lut=1, ff=2) + Resources(lut=3, bram=1) == Resources(lut=4, ff=2, bram=1)


def test_what_a_device_lacks():
    capacity = Capacity(lut=100, ff=100, bram=2, dsp=0)
    assert Resources(lut=100, ff=1, bram=2).lacks(capacity) == {}
    assert Resources(lut=101, ff=1, bram=3).lacks(capacity) == {"lut": (101, 100), "bram": (3, 2)}
