"""The whole run on a small scale: its report, and that finished steps are kept."""

import json
import re

import pytest
import yaml
from pydantic import ValidationError
from rich.console import Console

from bitrain.flow.config import RunConfig
from bitrain.flow.pipeline import run_flow

CONFIG = {
    "name": "tiny",
    "train": {"epochs": 2},
    "finetune": {"epochs": 1},
    "sc": {"bits": 3, "lanes": 4},
    "lengths": [4],
    "array": {"channels": 2, "positions": 2, "lanes": 4},
    "simulate": {"images": 2},
    "synth": {"device": "ecp5-25k"},
}


@pytest.mark.tools
@pytest.mark.slow
def test_run_report_and_resume(tmp_path):
    def run(until=None, **changes):
        with (tmp_path / "log").open("w", encoding="utf-8") as log:
            config = RunConfig.model_validate({**CONFIG, **changes})
            run_flow(config, tmp_path / "out", until=until, console=Console(file=log, width=200))
        return (tmp_path / "log").read_text(encoding="utf-8")

    assert "kept from an earlier run" not in run()
    report = json.loads((tmp_path / "out/report/report.json").read_text())
    accuracy = report["accuracy"]
    assert 50 < accuracy["sc"] <= 100
    assert 50 < accuracy["float"] <= 100
    assert 50 < accuracy["int_baseline"] <= 100
    assert [row["stream_length"] for row in accuracy["by_length"]] == [4, 8]
    assert report["stream_length"] == 8
    assert report["verify"]["images"] == 2
    assert report["verify"]["values_compared"] > 2 * (256 + 128 + 10)
    assert report["verify"]["mismatches"] == 0
    assert report["cycles"]["simulated"] == report["cycles"]["predicted"] > 0
    assert report["resources"]["tag"] == "post-route"
    assert report["resources"]["device"] == "ecp5-25k"
    assert "nextpnr" in report["resources"]["tool"]
    for name in ("lut", "ff", "bram"):
        assert 0 < report["resources"][name] <= report["resources"]["capacity"][name]
    assert report["fmax_mhz"] > 0
    assert report["latency_us"] * report["images_per_s"] == pytest.approx(1e6)
    assert 0 < report["sng_share_of_lut"] < 1
    assert report["sharing"]["tag"] == "post-synthesis"
    assert 0 < report["sharing"]["shared"]["lut"] < report["sharing"]["unshared"]["lut"]
    assert [layer["name"] for layer in report["diagnosis"]["layers"]] == ["0.0", "1.0", "2.1"]
    page = (tmp_path / "out/report/report.html").read_text()
    assert page.count("<svg") == 7
    assert not re.search(r"""(src|href)=["'](?!#|data:)""", page)  # nothing is fetched

    again = run()
    assert again.count("kept from an earlier run") == 10
    # A changed option runs what depends on it, a missing output what writes it.
    other_images = run(until="simulate", simulate={"images": 1})
    assert other_images.count("kept from an earlier run") == 4
    (tmp_path / "out/network.npz").unlink()
    assert run(until="evaluate").count("kept from an earlier run") == 3


@pytest.mark.tools
@pytest.mark.slow
def test_accelerators_of_a_configuration(tmp_path):
    """Whatever `bitrain generate` can make; training is kept from one to the next."""
    accelerators = [
        {"interface": "axi", "run_time_length": True, "weights": "ram"},
        {"interface": {"streams": "axi", "reset": "high"}, "early_termination": True},
        {"engines": 2, "skip_zeros": True},
    ]
    for chosen in accelerators:
        config = {**CONFIG, "finetune": {"epochs": 1, "images": 60}, "accelerator": chosen}
        with (tmp_path / "log").open("w", encoding="utf-8") as log:
            run_flow(
                RunConfig.model_validate(config),
                tmp_path / "out",
                until="simulate",
                console=Console(file=log, width=200),
            )
        written = yaml.safe_load((tmp_path / "out/ip/config.yaml").read_text())
        wanted = RunConfig.model_validate(config).accelerator.model_dump(mode="json")
        assert {name: written[name] for name in wanted} == wanted
        results = json.loads((tmp_path / "out/steps/simulate.json").read_text())["result"]
        assert results["mismatches"] == 0 and results["cycles"] == results["predicted_cycles"]


def test_the_array_is_given_once():
    both = {**CONFIG, "accelerator": {"array": {"lanes": 8}}}
    with pytest.raises(ValidationError, match="array is there twice; give it in accelerator alone"):
        RunConfig.model_validate(both)
    assert RunConfig.model_validate(CONFIG).accelerator.array.lanes == 4
