"""``bitrain accuracy``: one network at many stream lengths, trained from several seeds.

Every seed has a float network of its own; for each length it is fine-tuned with stochastic and with
binary arithmetic and exported. Where ``sc.lengths`` gives several, one more network is trained for
all of these together, in either arithmetic. All accuracies are the golden model's, of the test
images.
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
from bitrain.spec import write_atomically


def run_study(
    config: RunConfig, directory: Path, seeds: Sequence[int], console: Console
) -> dict[str, Any]:
    """Accuracies (%) by length, medians over seeds; writes ``accuracy.json`` and ``accuracy.svg``.

    Finished steps in ``directory`` are kept; networks are ``seed<seed>/L<length>/network.npz``, and
    of several lengths ``seed<seed>/anytime/network.npz``, beside whose accuracies ``anytime.svg``
    draws the others'.
    """
    dataset = load_dataset(config.data.name, **config.data.source)
    floats: list[float] = []
    together: list[dict[str, Any]] = []
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
        # Absolute: a path through a folder that is not there yet leads nowhere.
        checkpoint = str(base.path(trained["checkpoint"]).resolve())
        given = {"train": {**trained, "checkpoint": checkpoint}}

        def finetuned(
            config: RunConfig, name: str, base: Workspace = base, given: dict[str, Any] = given
        ) -> dict[str, Any]:
            space = Workspace(base.path(name), dict(given), base.fingerprint)
            run_steps(Run(config, space, dataset), ["finetune", "export"], console)
            return space.results["finetune"]

        if config.sc.lengths:
            console.print(f"[bold]seed {seed}, L = {', '.join(map(str, config.sc.lengths))}")
            together.append(finetuned(seeded, "anytime"))
        for length in config.lengths:
            alone = {"sc": config.sc.with_length(length), "exit": None}
            alone["finetune"] = seeded.finetune.model_copy(update={"prefix_weights": ()})
            console.print(f"[bold]seed {seed}, L = {length}")
            found = finetuned(seeded.model_copy(update=alone), f"L{length}")
            values[length].append(columns_of(found))
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
    if together:
        result["anytime"] = _anytime(together)
        drawn = plots.anytime(result)
        write_atomically(directory / "anytime.svg", drawn)
    curves = {label: [row[key] for row in rows] for key, label in COLUMNS.items()}
    plot = plots.accuracy_by_length(list(config.lengths), curves, result["float"])
    write_result(directory / "accuracy", result, plot)
    return result


def _anytime(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over seeds of what was trained at several lengths together, by arithmetic."""
    result: dict[str, Any] = {"by_seed": found}
    for kind in ("streams", "integers"):
        runs = [each[kind] for each in found]
        prefixes = [run["by_prefix"] for run in runs]
        columns = {length: median(each[length] for each in prefixes) for length in prefixes[0]}
        result[kind] = {"by_prefix": columns}
        if "anytime" not in runs[0]:
            continue
        measured = [run["anytime"] for run in runs]
        keys = ("exit_accuracy", "mean_cycles")
        result[kind] |= {key: median(each[key] for each in measured) for key in keys}
        result[kind]["cycles"] = measured[0]["cycles"]
        result[kind]["by_tolerance"] = {
            tolerance: {
                key: median(each["by_tolerance"][tolerance][key] for each in measured)
                for key in keys
            }
            for tolerance in measured[0]["by_tolerance"]
        }
    return result
