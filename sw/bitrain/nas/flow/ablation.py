"""``bitrain search ablate``: what the choices of the search are worth, on one trained teacher.

How stages are matched, whether they are searched alone, what the penalty weighs, and how operations
are judged. Every variant is searched, derived and trained twice: from the weights that it has left,
and from random ones.
"""

import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from bitrain.data import load_dataset
from bitrain.nn import torch_threads
from bitrain.profile.latency import paired_latency
from bitrain.runner.workspace import Workspace, write_json
from bitrain.spec import BitrainError

from ..stage import search_memory, search_stage
from . import steps
from .baselines import from_random_weights
from .config import NasConfig
from .run import Search

BATCH_SIZES = (1, 64)
"""Batch sizes of the measured latency."""
REPEATS = 100


def variants(config: NasConfig) -> dict[str, NasConfig]:
    """Configurations by name; the first is what the others are compared with."""
    penalty = config.search.penalty
    alone = {"macs": penalty.macs + penalty.memory_access, "memory_access": 0.0, "rates": None}
    changes: Mapping[str, dict[str, Any]] = {
        "two points, successor": {"matching": "successor"},
        "two points, middle": {"matching": "middle"},
        "one point": {"matching": "output"},
        "end to end": {"together": True},
        "penalty for MACs alone": {"penalty": penalty.model_copy(update=alone)},
        "nothing left out": {"drop": 0.0},
    }
    found = {
        name: config.model_copy(update={"search": config.search.model_copy(update=change)})
        for name, change in changes.items()
    }
    prune = config.prune.model_copy(update={"importance": "strength"})
    return {**found, "importance by strength": config.model_copy(update={"prune": prune})}


def run_search_ablation(
    config: NasConfig, directory: Path, console: Console, *, only: Collection[str] = ()
) -> dict[str, Any]:
    """Accuracies (%), CPU seconds, peak memory and latency by variant; writes ``ablation.json``.

    only: names of variants; the first of them is what the others are compared with. All, if empty.
    """
    known = variants(config)
    for name in only:
        if name not in known:
            raise BitrainError(f"--only {name!r}: expected one of {', '.join(map(repr, known))}")
    chosen = {name: known[name] for name in known if not only or name in only}
    dataset = load_dataset(config.data.name, **config.data.source)
    space = Workspace(directory, fingerprint=dataset.digest, products=("ablation.json",))
    base = Search(config, dataset, space, console)
    base.results["coarse"] = steps.coarse(base)
    base.results["teacher"] = steps.teacher(base)
    rows: dict[str, dict[str, Any]] = {}
    runs: dict[str, Search] = {}
    for name, changed in chosen.items():
        console.print(f"[bold]{name}")
        space = Workspace(directory / name.replace(" ", "-").replace(",", ""))
        space.fingerprint = base.workspace.fingerprint
        # Absolute: the teacher lies in the folder above.
        weights = str(directory.joinpath(base.results["teacher"]["weights"]).resolve())
        results = {**base.results, "teacher": {**base.results["teacher"], "weights": weights}}
        run = runs[name] = Search(changed, dataset, space, console, results)
        rows[name] = _row(run, rows)
    rows = _with_latency(base, rows, runs)
    result = {"name": config.name, "data": dataset.note, "variants": rows}
    write_json(directory / "ablation.json", result)
    return result


def _row(run: Search, rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    inputs = run.config.model_dump(mode="json", include=steps.SEARCHED)
    searched = run.step("timed", inputs, lambda name: _timed(run))
    run.results["fine"] = searched["stages"]
    run.results["derive"] = steps.derive(run)
    # All with as many multiplications as the first.
    macs = next((row["macs"] for row in rows.values()), run.results["derive"]["macs"])
    run.results["retrain"] = steps.retrain(run)
    scratch = run.step("scratch", macs, partial(from_random_weights, run, run.cells, macs))
    keys = ("macs", "memory_access", "accuracy", "widths")
    return {
        **{key: scratch[key] for key in keys},
        "inherited": run.results["retrain"]["accuracy"],
        "cpu_seconds": searched["cpu_seconds"],
        "peak_memory": searched["peak_memory"],
    }


def _timed(run: Search) -> dict[str, Any]:
    """Search all stages in this process, from the beginning; CPU seconds of all, peak of one."""
    config, folder = run.config, run.workspace.path("stages").resolve()
    shutil.rmtree(folder, ignore_errors=True)  # what is there already would cost no time
    count = 1 if config.search.together else len(config.space.widths)
    tasks = [steps.stage_task(config, run.genotype, folder, index) for index in range(count)]
    with torch_threads(config.search.threads):
        peak = max(search_memory(task, run.teacher(), run.dataset) for task in tasks)
        begin = time.process_time()
        found: list[dict[str, Any]] = []
        for task in tasks:
            found += search_stage(task, run.teacher(), run.dataset, progress=True)
        seconds = time.process_time() - begin
    stages = [steps.in_folder(Path("stages"), stage) for stage in found]
    return {"stages": stages, "cpu_seconds": seconds, "peak_memory": peak}


def _with_latency(
    base: Search, rows: Mapping[str, dict[str, Any]], runs: Mapping[str, Search]
) -> dict[str, dict[str, Any]]:
    """Rows with seconds of a batch, and how many times as fast as the first, paired in rounds."""

    def measure(_: str) -> dict[str, dict[str, dict[str, float]]]:
        models: dict[str, Any] = {name: run.joined() for name, run in runs.items()}
        found = paired_latency(models, base.dataset.in_shape, BATCH_SIZES, repeats=REPEATS)
        return {
            name: {str(size): asdict(own[name]) for size, own in found.items()} for name in models
        }

    latency = base.step("latency", rows, measure)
    return {name: {**row, "latency": latency[name]} for name, row in rows.items()}
