"""``bitrain accuracy``: one network at many stream lengths, trained from several seeds.

Every seed has a float network of its own; for each length it is fine-tuned with stochastic and with
binary arithmetic and exported. All accuracies are the golden model's, of the test images.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from bitrain.data import load_dataset
from bitrain.flow.config import RunConfig
from bitrain.flow.learning import check_model, columns_of
from bitrain.flow.pipeline import run_steps
from bitrain.flow.report import COLUMNS
from bitrain.flow.run import Run
from bitrain.runner import plots
from bitrain.runner.workspace import Workspace, write_result


def run_study(
    config: RunConfig, directory: Path, seeds: Sequence[int], console: Console
) -> dict[str, Any]:
    """Accuracies (%) by length, medians over seeds; writes ``accuracy.json`` and ``accuracy.svg``.

    Finished steps in ``directory`` are kept; networks are ``seed<seed>/L<length>/network.npz``.
    """
    dataset = load_dataset(config.data.name, config.data.directory)
    floats: list[float] = []
    values: dict[int, list[dict[str, float]]] = {length: [] for length in config.lengths}
    for seed in seeds:
        # Initial weights, and the order and augmentation of both trainings.
        seeded = config.with_seed(seed, "train", "finetune")
        base = Workspace(directory / f"seed{seed}", fingerprint=dataset.digest)
        run = Run(seeded, base, dataset)
        check_model(run)
        run_steps(run, ["train"], console)
        trained = base.results["train"]
        floats.append(trained["accuracy"])
        for length in config.lengths:
            sized = seeded.model_copy(update={"sc": config.sc.with_length(length)})
            # Absolute: a path through a folder that is not there yet leads nowhere.
            checkpoint = str(base.path(trained["checkpoint"]).resolve())
            results = {"train": {**trained, "checkpoint": checkpoint}}
            space = Workspace(base.path(f"L{length}"), results, base.fingerprint)
            console.print(f"[bold]seed {seed}, L = {length}")
            run_steps(Run(sized, space, dataset), ["finetune", "export"], console)
            values[length].append(columns_of(space.results["finetune"]))
    rows = [
        {"stream_length": length, **{key: median(r[key] for r in found) for key in COLUMNS}}
        for length, found in values.items()
    ]
    result = {
        "name": config.name,
        "model": config.model,
        "data": dataset.note,
        "test_images": len(dataset.test_images),
        "seeds": list(seeds),
        "float": median(floats),
        "by_length": rows,
        "float_by_seed": floats,
        "by_seed": {str(length): found for length, found in values.items()},
    }
    curves = {label: [row[key] for row in rows] for key, label in COLUMNS.items()}
    plot = plots.accuracy_by_length(list(config.lengths), curves, result["float"])
    write_result(directory / "accuracy", result, plot)
    return result
