"""The model: sums of coefficients, and what it says of each block."""

import pytest
from made_samples import DEVICE, made

from bitrain.gen.families.devices import find_device
from bitrain.resources.calibrate import fit
from bitrain.resources.model import ResourceModel, weighted


def test_weighted():
    assert weighted({"a": 2.0, "b": 3.0}, {"a": 5, "c": 7}) == 10


def test_an_estimate_names_the_blocks():
    model = fit([made(seed) for seed in range(30)])
    sample = made(2000)
    estimate = model.predict(sample.drawn.compile(), find_device(DEVICE))
    assert estimate.lut == pytest.approx(sum(estimate.blocks.values()) + sample.ram_lut, abs=20)
    assert estimate.blocks["loader"] > 0
    assert estimate.errors == model.errors
    again = ResourceModel.model_validate_json(model.model_dump_json())
    assert again.predict(sample.drawn.compile(), find_device(DEVICE)) == estimate
