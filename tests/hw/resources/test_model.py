"""The model: sums of coefficients, and what it says of each block."""

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest
from made_samples import DEVICE, made
from networks import random_network

from bitrain.accelerator import compile_network
from bitrain.gen.families.devices import find_device
from bitrain.program import AcceleratorConfig
from bitrain.resources.calibrate import fit
from bitrain.resources.model import ResourceModel, model_of, needed_model, weighted
from bitrain.resources.samples import read_samples
from bitrain.spec import BitrainError

ARRAYS = Path(__file__).parents[3] / "docs/results/arrays.json"


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


def test_what_a_device_lacks():
    device = find_device("ecp5-25k")
    engines = made(2).drawn.compile()
    estimate = needed_model(device).predict(engines, device)
    capacity = device.capacity
    assert estimate.lacking(device) == []
    assert replace(estimate, bram=capacity.bram + 1).lacking(device) == ["bram"]
    assert replace(estimate, dsp=capacity.dsp).lacking(device) == []
    # What just fits by the estimate alone may well not.
    assert replace(estimate, routed_lut=capacity.lut, ff=9**9).lacking(device) == ["lut", "ff"]


def test_a_family_without_a_table():
    assert model_of("ice40") is None
    with pytest.raises(BitrainError, match="--device ice40-up5k: there is no table of resources"):
        needed_model(find_device("ice40-up5k"))
    assert needed_model(find_device("ecp5-25k")) is model_of("ecp5")


@pytest.mark.parametrize(("resource", "tolerance"), [("lut", 0.12), ("ff", 0.1)])
def test_what_unshared_sngs_take_is_what_arrays_took(resource, tolerance):
    """Synthesised arrays of the digits, n = 5: the model's difference of the two is theirs."""
    model, device = model_of("ecp5"), find_device(DEVICE)
    assert model is not None
    network = random_network(0, bits=5, lanes=16)
    banks = {name: getattr(network, name) for name in ("activation_bank", "weight_bank")}
    compared = {"generator": "comparator"}
    network = network.model_copy(
        update={name: bank.model_copy(update=compared) for name, bank in banks.items()}
    )
    measured: dict[tuple[int, ...], dict[str, int]] = {}
    for row in json.loads(ARRAYS.read_text())["rows"]:
        size = row["channels"], row["positions"], row["lanes"]
        measured.setdefault(size, {})[row["sharing"]] = row[resource]
    for size, found in measured.items():
        array = dict(zip(("channels", "positions", "lanes"), size, strict=True))
        shared, unshared = (
            model.predict(compile_network(network, config), device)
            for config in (
                AcceleratorConfig.model_validate({"array": {**array, "sharing": sharing}})
                for sharing in ("shared", "unshared")
            )
        )
        difference = getattr(unshared, resource) - getattr(shared, resource)
        assert difference == pytest.approx(found["unshared"] - found["shared"], rel=tolerance)
        routed = unshared.routed_lut - shared.routed_lut
        assert routed == pytest.approx(unshared.lut - shared.lut, abs=2)
        assert unshared.blocks["SNGs"] > shared.blocks["SNGs"]
