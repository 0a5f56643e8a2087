"""The report of a run whose other steps are done."""

import json

import numpy as np
import pytest
from networks import random_network

from bitrain import golden
from bitrain.flow.config import RunConfig
from bitrain.flow.report import write_report
from bitrain.flow.run import Run
from bitrain.runner.workspace import Workspace
from bitrain.spec import load_network, save_network


def layer(name: str, cycles: int) -> dict[str, str | int | float]:
    counts = dict.fromkeys(("macs", "activation_reads", "weight_reads", "writes"), 10)
    return {"name": name, "cycles": cycles, "utilisation": 0.5, **counts}


ROW = {"stream_length": 16, "sc_fine_tuned": 97.5, "sc_post_training": 90.0}
ROW |= {"int_fine_tuned": 98.0, "int_post_training": 92.0}
RESULTS = {
    "train": {"accuracy": 98.5},
    "finetune": {"streams": {"fine_tuned": 97.5}, "integers": {"fine_tuned": 98.0}},
    "evaluate": {"sc": 97.5, "images": 360, "by_length": [ROW]},
    "generate": {
        "cycles": 1000,
        "image_cycles": 800,
        "engines": [
            {"load_cycles": 64, "output_cycles": 5},
            {"load_cycles": 3, "output_cycles": 10},
        ],
        "layers": [layer("conv", 700), layer("fc", 300)],
    },
    "simulate": {
        "images": 4,
        "values_compared": 1234,
        "mismatches": 0,
        "simulator": "Verilator 5",
        "cycles": 1000,
        "predicted_cycles": 1000,
    },
    "synth": {
        "fmax_mhz": 80.0,
        "stage": "post-route",
        "device": "ecp5-25k",
        "tools": {"yosys": "0.70", "nextpnr": "0.11"},
        "resources": {"lut": 900, "ff": 600, "bram": 4, "dsp": 1, "logic_lut": 800},
        "capacity": {"lut": 24288, "ff": 24288, "bram": 56, "dsp": 28},
    },
    "blocks": {
        "sng_share_of_lut": 0.125,
        "parts": [{"name": "array", "lut": 500}, {"name": "rest", "lut": 400}],
        "tag": "post-synthesis",
        "device": "ecp5-25k",
        "tool": "yosys",
    },
    "sharing": {
        "shared": {"lut": 500},
        "unshared": {"lut": 2000},
        "lut_saving": 0.75,
        "tag": "post-synthesis",
        "device": "ecp5-25k",
        "tool": "yosys",
    },
}


@pytest.fixture
def report(digits, tmp_path):
    """The page, and the numbers."""

    def make(**changes):
        workspace = Workspace(tmp_path, {**RESULTS, **changes})
        network = random_network(1, bits=4, in_shape=(1, 8, 8), classes=10)
        save_network(network, tmp_path / "network.npz")
        found = write_report(Run(RunConfig(name="tiny"), workspace, digits))
        folder = tmp_path / "report"
        assert found == {"page": str(folder / "report.html")}
        page = (folder / "report.html").read_text()
        return page, json.loads((folder / "report.json").read_text())

    return make


def test_numbers(report):
    """At 80 MHz: 64 + 1000 + 10 cycles of latency, and an image every 800."""
    _, found = report()
    assert found["latency_us"] == pytest.approx((64 + 1000 + 10) / 80)
    assert found["images_per_s"] == pytest.approx(80e6 / 800)
    assert (found["bits"], found["stream_length"]) == (4, 16)
    assert found["accuracy"]["int_baseline"] == 98 and found["accuracy"]["sc"] == 97.5
    assert found["cycles"] == {"simulated": 1000, "predicted": 1000, "load": 64, "output": 10}
    assert found["resources"]["tool"] == "yosys 0.70, nextpnr 0.11"
    assert "logic_lut" not in found["resources"] and found["verify"]["mismatches"] == 0


def test_several_lengths_of_one_set_of_weights(report):
    streams = {"by_prefix": {"2": 80.0, "16": 97.5}}
    streams["anytime"] = {"exit_accuracy": 97.25, "mean_cycles": 3.125}
    finetune = {"streams": streams, "integers": {"fine_tuned": 98.0, "by_prefix": {"16": 98.0}}}
    page, found = report(finetune=finetune)
    assert found["anytime"]["streams"] == streams["by_prefix"]
    assert "97.25 % in 3.12 cycles of a stream" in page and "of the accelerator on" not in page
    exits = {"mean_cycles": 1234.5}
    page, _ = report(finetune=finetune, generate=RESULTS["generate"] | {"exits": exits})
    assert "1,234 cycles of the accelerator on average (estimated), 1,000 at full length" in page
    assert report()[1]["anytime"] is None


def test_confusion(report, digits, tmp_path):
    """Rows are labels, columns what the golden model takes them for."""
    _, found = report()
    counts = np.array(found["confusion"]["counts"])
    assert counts.sum() == found["confusion"]["images"] == len(digits.test_labels)
    assert counts.sum(1).tolist() == np.bincount(digits.test_labels).tolist()
    network = load_network(tmp_path / "network.npz")
    images, labels = digits.test_images, digits.test_labels
    right = golden.accuracy(network, images, labels)
    assert counts.trace() / counts.sum() == pytest.approx(right)


def test_page(report):
    page, _ = report()
    assert page.count("<svg") == 7 and "tile bad" not in page
    for text in ("97.50 %", "100,000", "80.0 MHz", "1,234 values of 4 images", "ecp5-25k"):
        assert text in page


@pytest.mark.parametrize("wrong", [{"mismatches": 2}, {"cycles": 999}])
def test_what_does_not_agree_stands_out(report, wrong):
    page, _ = report(simulate={**RESULTS["simulate"], **wrong})
    assert page.count("tile bad") == 1
