"""The model: sums of coefficients, and what it says of each block."""

from importlib import resources

import pytest
from made_samples import DEVICE, made

from bitrain.gen.families.devices import find_device
from bitrain.resources.calibrate import fit
from bitrain.resources.model import ResourceModel, model_of, needed_model, weighted
from bitrain.resources.samples import read_samples
from bitrain.spec import BitrainError


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


def test_the_table_is_what_its_samples_give():
    """Whoever changes a feature fits the table again: `bitrain calibrate-resources`."""
    table = resources.files("bitrain.resources") / "tables"
    with resources.as_file(table / "ecp5_samples.jsonl") as path:
        samples = read_samples(path)
    fitted = [sample for sample in samples if sample.seed < 100_000]
    held_out = [sample for sample in samples if sample.seed >= 100_000]
    found, there = fit(fitted, held_out).model_dump(), model_of("ecp5")
    assert there is not None
    there = there.model_dump()
    for part in ("blocks", "totals", "period", "errors"):
        assert flat(found.pop(part)) == pytest.approx(flat(there.pop(part)), rel=1e-3, abs=1e-9)
    assert found == there
    # What docs/resources.md promises of accelerators that were not fitted.
    errors = needed_model(find_device("ecp5-85k")).errors
    assert errors["lut"].count == 30
    assert errors["lut"].median < 0.08 and errors["lut"].worst < 0.15
    assert errors["bram"].worst == errors["dsp"].worst == 0
    assert errors["clock_mhz"].median < 0.12


def flat(values, path=()) -> dict[tuple[str, ...], float]:
    if not isinstance(values, dict):
        return {path: values}
    return {k: v for name, each in values.items() for k, v in flat(each, (*path, name)).items()}


def test_a_family_without_a_table():
    assert model_of("ice40") is None
    with pytest.raises(BitrainError, match="--device ice40-up5k: there is no table of resources"):
        needed_model(find_device("ice40-up5k"))
    assert needed_model(find_device("ecp5-25k")) is model_of("ecp5")
