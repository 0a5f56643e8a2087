"""The steps of ``bitrain search``: coarse cells, their network, stages, derivation, retraining.

Stages are searched in turn, in processes of this machine, or by the workers of a Dask cluster that
reach the output folder.
"""

import json
from pathlib import Path
from typing import Any

from bitrain.data import load_dataset
from bitrain.nn import torch_threads
from bitrain.runner import cluster
from bitrain.train.loop import Job, fit

from ..coarse import search_coarse
from ..genotype import Genotype
from ..join import load_parts, save_parts
from ..network import coarse_network
from ..space import check_space
from ..stage import StageTask, search_stage
from .config import NasConfig, given_genotype
from .run import Search, described

SEARCHED = {"space", "search", "prune", "recovery_epochs", "array"}
"""Parts of the configuration that the search of stages depends on."""


def coarse(run: Search) -> Any:
    """The coarse cells: searched, or given."""
    config = run.config
    inputs = config.model_dump(mode="json", include={"data", "space"})
    if config.genotype is None:
        found = run.step(
            "coarse",
            inputs | config.model_dump(mode="json", include={"coarse"}),
            lambda name: search_coarse(
                *(config.space, run.dataset, config.coarse),
                checkpoint=run.checkpoint(name),
                progress=True,
            ).model_dump(mode="json"),
        )
    else:
        given = given_genotype(config.genotype).model_dump(mode="json")
        found = run.step("coarse", [inputs, given], lambda name: given)
    check_space(config.space, Genotype.model_validate(found))
    run.console.print(f"coarse cells: {json.dumps(found)}", soft_wrap=True)
    return found


def teacher(run: Search) -> Any:
    """Train the coarse network."""
    file = "teacher.pt"

    def train(name: str) -> dict[str, Any]:
        network = run.teacher()
        job: Job = {"checkpoint": run.checkpoint(name), "title": "teacher", "progress": True}
        losses = fit(network, run.dataset, run.config.teacher, **job)
        save_parts(network, run.workspace.path(file))
        return {"weights": file, "losses": losses, **run.measured(network)}

    inputs = run.config.teacher.model_dump(mode="json")
    found = run.step("teacher", inputs, train, outputs=(file,))
    run.console.print(f"coarse network: {described(found)}")
    return found


def search_stage_of(
    config: NasConfig, genotype: Genotype, weights: Path, folder: Path, index: int
) -> list[dict[str, Any]]:
    """One stage as a task that another process can run: weights and images are in files.

    weights: of the teacher. folder: of stages, ``stages/<name>`` below that of the run.
    """
    with torch_threads(config.search.threads):
        dataset = load_dataset(config.data.name, **config.data.source)
        network = coarse_network(config.space, genotype, dataset.in_shape, dataset.num_classes)
        load_parts(network, weights)
        task = stage_task(config, genotype, folder, index, folder.parents[1] / "logs" / folder.name)
        return search_stage(task, network, dataset, progress=True)


def stage_task(
    config: NasConfig, genotype: Genotype, folder: Path, index: int, logs: Path | None = None
) -> StageTask:
    """What the configuration says about the search of a stage."""
    return StageTask(
        index=index,
        space=config.space,
        genotype=genotype,
        search=config.search,
        prune=config.prune,
        recovery_epochs=config.recovery_epochs,
        array=config.array if config.search.penalty.cycles else None,
        folder=folder,
        logs=logs,
    )


def in_folder(folder: Path, stage: dict[str, Any]) -> dict[str, Any]:
    """A stage's result with the paths of its files below the run's folder."""
    return stage | {key: str(folder / stage[key]) for key in ("weights", "whole")}


def fine(run: Search) -> Any:
    """Search all stages; of each its cells, losses and files of weights."""
    inputs = run.config.model_dump(mode="json", include=SEARCHED)

    def compute(name: str) -> list[Any]:
        folder = Path("stages") / name
        files = (run.results["teacher"]["weights"], str(folder))
        paths = [run.workspace.path(file).resolve() for file in files]
        count = 1 if run.config.search.together else len(run.config.space.widths)
        tasks = [(run.config, run.genotype, *paths, index) for index in range(count)]
        where = {"workers": run.workers, "scheduler": run.scheduler}
        found = cluster.map_tasks(search_stage_of, tasks, **where)
        return [in_folder(folder, stage) for stages in found for stage in stages]

    found = run.step("fine", inputs, compute, outputs=("stages/fine-{key}",))
    for stage in found:
        losses = [loss for part in stage["losses"].values() for loss in part]
        run.console.print(
            f"stage {stage['stage']}: {stage['macs']:,.0f} MACs, loss {losses[-1]:.3g}"
        )
    return found


def derive(run: Search) -> Any:
    """Join the stages."""

    def compute(name: str) -> dict[str, Any]:
        cells = [stage["cells"] for stage in run.results["fine"]]
        return {"cells": cells, **run.measured(run.joined())}

    found = run.step("derive", None, compute)
    run.console.print(f"joined, before retraining: {described(found)}")
    return found


def retrain(run: Search) -> Any:
    """Train the joined network."""
    file = "network.pt"

    def train(name: str) -> dict[str, Any]:
        network = run.joined()
        found = run.train_alike(network, name, "retrain")
        save_parts(network, run.workspace.path(file))
        return {"weights": file, **found}

    inputs = run.config.retrain.model_dump(mode="json")
    found = run.step("retrain", inputs, train, outputs=(file,))
    run.console.print(f"found network: {described(found)}")
    return found
