"""The fit finds what samples are made of, and says how far off it is."""

import pytest
from made_samples import made

from bitrain.resources.calibrate import errors, fit
from bitrain.resources.model import RESOURCES, ResourceModel

FITTED, HELD_OUT = range(50), range(1000, 1015)


@pytest.fixture(scope="module")
def model() -> ResourceModel:
    return fit([made(seed) for seed in FITTED], [made(seed) for seed in HELD_OUT])


def test_unseen_accelerators_are_predicted(model):
    assert model.samples == len(FITTED)
    assert model.errors.keys() == RESOURCES.keys()
    for name in ("lut", "routed_lut", "ff", "clock_mhz"):
        assert model.errors[name].count == len(HELD_OUT)
        assert model.errors[name].median < 0.02 and model.errors[name].worst < 0.1, name
    for name in ("bram", "dsp"):
        assert model.errors[name].worst == 0


def test_coefficients_are_none_that_take_resources_away(model):
    for resources in model.blocks.values():
        for coefficients in resources.values():
            assert all(each > 0 for each in coefficients.values())
    assert all(each >= 0 for part in model.totals.values() for each in part.values())


def test_errors_are_those_of_the_samples_that_are_given(model):
    wrong = [made(seed).model_copy(update={"lut": 2 * made(seed).lut}) for seed in HELD_OUT]
    found = errors(model, wrong)
    assert found["lut"].median == pytest.approx(0.5, abs=0.03)
    assert found["ff"] == model.errors["ff"]


def test_samples_that_were_not_routed_have_no_clock():
    samples = [
        made(seed).model_copy(update={"routed_lut": None, "clock_mhz": None} if seed % 2 else {})
        for seed in FITTED
    ]
    found = fit(samples).errors
    assert found["clock_mhz"].count == found["routed_lut"].count == len(FITTED) // 2
    assert found["lut"].count == len(FITTED)
