"""``report.json`` and ``report.html``: the last step of a run."""

import json
from importlib import metadata
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from bitrain.diagnose import diagnose
from bitrain.golden import predict
from bitrain.runner import plots
from bitrain.spec import to_unipolar, write_atomically

from .hardware import tool_versions
from .run import Run

NUM_EXAMPLES = 6
"""Images shown in the report."""
CONFUSED_IMAGES = 2000
"""At most so many test images of the confusion matrix, evenly spaced."""
DIAGNOSED_IMAGES = 200
"""Test images on which each layer's errors are measured, evenly spaced."""

COLUMNS = {
    "sc_fine_tuned": "SC, SC-aware",
    "sc_post_training": "SC, no SC training",
    "int_fine_tuned": "integer, fine-tuned",
    "int_post_training": "integer, no training",
}
"""Accuracies at a stream length, and what they are called."""


def write_report(run: Run) -> dict[str, Any]:
    """``report/report.json`` and ``report/report.html`` of a run whose other steps are done."""
    diagnosis = diagnose(run.network, *run.dataset.examples(DIAGNOSED_IMAGES), progress=True)
    report = {**_numbers(run), "diagnosis": diagnosis.to_json()}
    environment = Environment(
        loader=PackageLoader("bitrain.flow"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html.j2").render(
        report=report,
        array=run.config.array,
        note=run.dataset.note,
        plots={**_plots(run, report), "diagnosis": diagnosis.to_svg()},
    )
    folder = run.workspace.path("report")
    write_atomically(folder / "report.json", json.dumps(report, indent=2) + "\n")
    write_atomically(folder / "report.html", page)
    return {"page": str(folder / "report.html")}


def _numbers(run: Run) -> dict[str, Any]:
    """Content of ``report.json``."""
    results, network = run.workspace.results, run.network
    simulated, synthesis, blocks = results["simulate"], results["synth"], results["blocks"]
    cost = results["generate"]
    load, output = cost["engines"][0]["load_cycles"], cost["engines"][-1]["output_cycles"]
    clock = 1e6 * synthesis["fmax_mhz"]
    resources = synthesis["resources"]
    return {
        "name": run.config.name,
        "version": metadata.version("bitrain"),
        "command": "bitrain run",
        "bits": network.bits,
        "stream_length": max(layer.stream_length for layer in network.layers),
        "array": run.config.array.model_dump(mode="json"),
        "accelerator": run.config.accelerator.model_dump(mode="json"),
        "accuracy": {
            "float": results["train"]["accuracy"],
            "sc": results["evaluate"]["sc"],
            "int_baseline": results["finetune"]["integers"]["fine_tuned"],
            "test_images": results["evaluate"]["images"],
            "by_length": results["evaluate"]["by_length"],
        },
        "confusion": _confusion(run),
        "anytime": _anytime(results),
        "verify": {
            key: simulated[key] for key in ("images", "values_compared", "mismatches", "simulator")
        },
        "cycles": {
            "simulated": simulated["cycles"],
            "predicted": simulated["predicted_cycles"],
            "load": load,
            "output": output,
        },
        "layers": cost["layers"],
        "resources": {
            **{key: resources[key] for key in ("lut", "ff", "bram", "dsp")},
            "tag": synthesis["stage"],
            "device": synthesis["device"],
            "tool": tool_versions(synthesis["tools"]),
            "capacity": synthesis["capacity"],
        },
        "fmax_mhz": synthesis["fmax_mhz"],
        "latency_us": 1e6 * (load + cost["cycles"] + output) / clock,
        "images_per_s": clock / cost["image_cycles"],
        "sng_share_of_lut": blocks["sng_share_of_lut"],
        "blocks": blocks,
        "sharing": results["sharing"],
    }


def _confusion(run: Run) -> dict[str, Any]:
    """How many images of each class (rows) the golden model takes for each (columns)."""
    images, labels = run.dataset.examples(CONFUSED_IMAGES)
    found = predict(run.network, to_unipolar(images, run.network.bits)).argmax(1)
    counts = np.zeros((run.dataset.num_classes,) * 2, np.int64)
    np.add.at(counts, (labels, found), 1)
    return {
        "images": len(images),
        "classes": list(run.dataset.classes),
        "counts": counts.tolist(),
    }


def _anytime(results: dict[str, Any]) -> dict[str, Any] | None:
    """One set of weights at several lengths, and with exits."""
    streams, integers = (results["finetune"][name] for name in ("streams", "integers"))
    if not streams.get("by_prefix"):
        return None
    return {
        "streams": streams["by_prefix"],
        "integers": integers["by_prefix"],
        "exit": streams.get("anytime"),
        "accelerator": results["generate"].get("exits"),
    }


def _plots(run: Run, report: dict[str, Any]) -> dict[str, str]:
    """SVG of each plot."""
    rows, sharing = report["accuracy"]["by_length"], report["sharing"]
    examples, labels = run.dataset.examples(NUM_EXAMPLES)
    images = to_unipolar(examples, run.network.bits)
    scores = predict(run.network, images)
    return {
        "accuracy": plots.accuracy_by_length(
            [row["stream_length"] for row in rows],
            {label: [row[key] for row in rows] for key, label in COLUMNS.items()},
            report["accuracy"]["float"],
        ),
        "confusion": plots.confusion(report["confusion"]["counts"], report["confusion"]["classes"]),
        "cycles": plots.bars(
            {layer["name"]: layer["cycles"] for layer in report["layers"]}, "cycles per image"
        ),
        "blocks": plots.bars(
            {part["name"]: part["lut"] for part in report["blocks"]["parts"]}, "LUT4"
        ),
        "sharing": plots.bars(
            {kind: sharing[kind]["lut"] for kind in ("shared", "unshared")}, "LUT4"
        ),
        "examples": plots.images_with_scores(
            list(zip(images, scores, labels.tolist(), strict=True)), run.dataset.classes
        ),
    }
