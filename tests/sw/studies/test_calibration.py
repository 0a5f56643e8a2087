"""Calibration: samples are kept, measured anew where they must be, and left out where they fail."""

import io
import json

import pytest
from made_samples import made
from rich.console import Console

from bitrain.cli.render.studies import errors_table
from bitrain.resources.model import ResourceModel
from bitrain.resources.samples import read_samples
from bitrain.spec import BitrainError
from bitrain.studies import calibration

SAMPLES, HELD_OUT = 25, 4


@pytest.fixture
def measured(monkeypatch) -> list[int]:
    """Seeds that are measured; one of them does not fit."""
    seeds: list[int] = []

    def measure(seed, device, *, route):
        seeds.append(seed)
        if seed == 3:
            raise BitrainError("drawn does not fit")
        return made(seed)

    monkeypatch.setattr(calibration, "measure", measure)
    return seeds


def run(out, samples=SAMPLES, held_out=HELD_OUT):
    console = Console(file=io.StringIO())
    return calibration.calibrate("ecp5-85k", out, console, samples=samples, held_out=held_out)


def test_table_samples_and_errors_are_written(measured, tmp_path):
    model, result = run(tmp_path)
    assert ResourceModel.model_validate_json((tmp_path / "ecp5.json").read_text()) == model
    kept = read_samples(tmp_path / "ecp5_samples.jsonl")
    assert len(kept) == SAMPLES - 1 + HELD_OUT
    assert model.samples == result["fitted"] == SAMPLES - 1
    assert model.errors["lut"].count == len(result["rows"]) == HELD_OUT
    written = json.loads((tmp_path / "calibration.json").read_text())
    assert written["rows"][0]["seed"] == calibration.HELD_OUT
    assert (tmp_path / "calibration.svg").read_text().startswith("<svg")
    lines = io.StringIO()
    Console(file=lines, width=100).print(errors_table(result))
    assert "flip-flops" in lines.getvalue()


def test_what_is_there_is_not_measured_again(measured, tmp_path):
    first, _ = run(tmp_path, samples=22)
    measured.clear()
    second, _ = run(tmp_path)
    assert measured == [3, 22, 23, 24]  # what did not fit might now, and what is new
    assert second.samples == first.samples + 3


def test_what_does_not_route_is_kept(measured, tmp_path):
    """It is placed again by no later run, and has no clock to be fitted to."""
    unrouted = made(4).model_copy(update={"routed_lut": None, "clock_mhz": None})
    path = tmp_path / "samples" / "ecp5-85k" / "4.json"
    path.parent.mkdir(parents=True)
    path.write_text(unrouted.model_dump_json())
    model, _ = run(tmp_path, held_out=0)
    assert 4 not in measured
    assert model.errors["clock_mhz"].count == model.errors["lut"].count - 1 == SAMPLES - 2


@pytest.mark.parametrize("kind", ["spoilt", "other tool", "other drawing"])
def test_what_cannot_be_kept_is_measured_again(measured, tmp_path, kind):
    run(tmp_path)
    path = tmp_path / "samples" / "ecp5-85k" / "5.json"
    found = json.loads(path.read_text())
    if kind == "spoilt":
        path.write_text(path.read_text()[:100])
    elif kind == "other tool":
        path.write_text(json.dumps(found | {"tools": {"numpy": "0.1"}}))
    else:
        path.write_text(json.dumps(found | {"drawn": json.loads(made(6).drawn.model_dump_json())}))
    measured.clear()
    run(tmp_path)
    assert measured == [3, 5]


def test_an_unknown_device_is_refused_before_anything_is_measured(measured, tmp_path):
    with pytest.raises(BitrainError, match="device 'nothing'"):
        calibration.calibrate("nothing", tmp_path / "out", Console(), samples=20, held_out=0)
    assert not measured and not (tmp_path / "out").exists()
