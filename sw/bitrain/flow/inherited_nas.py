"""``bitrain search``: coarse cells, fine search stage by stage, derivation, retraining, baselines.

Each step is kept in the output folder; stages are searched in turn, in processes of this machine,
or by the workers of a Dask cluster that reach the folder.
"""

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from bitrain.data import load_dataset
from bitrain.nas import (
    Genotype,
    StageTask,
    check_space,
    coarse_network,
    load_parts,
    save_parts,
    search_coarse,
    search_stage,
)
from bitrain.nn import torch_threads
from bitrain.spec import BitrainError, write_atomically
from bitrain.train import fit

from . import cluster, plots
from .nas_baselines import compare
from .nas_config import NasConfig, given_genotype
from .nas_export import export
from .nas_run import Search, described
from .workspace import Workspace

STEPS = ("coarse", "teacher", "fine", "derive", "retrain", "baselines", "export")
"""The last one only where the space's target is the accelerator."""


def run_search(
    config: NasConfig,
    directory: Path,
    console: Console,
    *,
    until: str | None = None,
    workers: int = 1,
    scheduler: str | None = None,
) -> dict[str, Any]:
    """All steps, or those up to ``until``; writes ``search.json`` and the plots of what there is.

    workers: processes that search stages side by side. scheduler: address of a Dask cluster.
    """
    if until is not None and until not in STEPS:
        raise BitrainError(f"there is no step {until!r}; choose from {', '.join(STEPS)}")
    dataset = load_dataset(config.data.name, config.data.directory)
    run = Search(config, dataset, Workspace(directory), console)
    steps = {
        "coarse": _coarse,
        "teacher": _teacher,
        "fine": lambda run: _fine(run, workers, scheduler),
        "derive": _derive,
        "retrain": _retrain,
        "baselines": compare,
        "export": export,
    }
    assert tuple(steps) == STEPS
    if config.space.target != "accelerator":
        del steps["export"]
    for name, compute in steps.items():
        run.results[name] = compute(run)
        if name == until:
            break
    result = {"name": config.name, "data": dataset.note, **run.results}
    write_atomically(directory / "search.json", json.dumps(result, indent=1) + "\n")
    if "derive" in result:
        write_atomically(directory / "search.svg", plots.cells(result["derive"]["cells"]))
    if "baselines" in result:
        write_atomically(directory / "search_front.svg", plots.search_front(result))
    return result


def _coarse(run: Search) -> Any:
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


def _teacher(run: Search) -> Any:
    file = "teacher.pt"

    def train(name: str) -> dict[str, Any]:
        network = run.teacher()
        losses = fit(
            *(network, run.dataset, run.config.teacher),
            checkpoint=run.checkpoint(name),
            title="teacher",
            progress=True,
        )
        save_parts(network, run.workspace.path(file))
        return {"weights": file, "losses": losses, **run.measured(network)}

    inputs = run.config.teacher.model_dump(mode="json")
    found = run.step("teacher", inputs, train, outputs=(file,))
    run.console.print(f"coarse network: {described(found)}")
    return found


def search_stage_of(
    config: dict[str, Any], genotype: dict[str, Any], directory: str, name: str, index: int
) -> dict[str, Any]:
    """One stage as a task that another process can run: all that it needs is in files.

    directory: of the run. name: of the folder of stages in it.
    """
    settings, root = NasConfig.model_validate(config), Path(directory)
    with torch_threads(settings.search.threads):
        dataset = load_dataset(settings.data.name, settings.data.directory)
        cells = Genotype.model_validate(genotype)
        teacher = coarse_network(settings.space, cells, dataset.in_shape, dataset.num_classes)
        load_parts(teacher, root / "teacher.pt")
        task = StageTask(
            index=index,
            space=settings.space,
            genotype=cells,
            search=settings.search,
            prune=settings.prune,
            recovery_epochs=settings.recovery_epochs,
            array=settings.array if settings.search.penalty.cycles else None,
            folder=root / "stages" / name,
            logs=root / "logs" / name,
        )
        found = search_stage(task, teacher, dataset, progress=True)
        return found | {"weights": f"stages/{name}/{found['weights']}"}


def _fine(run: Search, workers: int, scheduler: str | None) -> Any:
    parts = {"space", "search", "prune", "recovery_epochs", "array"}
    inputs = run.config.model_dump(mode="json", include=parts)

    def compute(name: str) -> list[Any]:
        shared = (
            run.config.model_dump(mode="json"),
            run.results["coarse"],
            str(run.workspace.directory.resolve()),
            name,
        )
        tasks = [(*shared, index) for index in range(len(run.config.space.widths))]
        return cluster.map_tasks(search_stage_of, tasks, workers=workers, scheduler=scheduler)

    found = run.step("fine", inputs, compute)
    for stage in found:
        losses = [loss for part in stage["losses"].values() for loss in part]
        run.console.print(
            f"stage {stage['stage']}: {stage['macs']:,.0f} MACs, loss {losses[-1]:.3g}"
        )
    return found


def _derive(run: Search) -> Any:
    def compute(name: str) -> dict[str, Any]:
        cells = [stage["cells"] for stage in run.results["fine"]]
        return {"cells": cells, **run.measured(run.joined())}

    found = run.step("derive", None, compute)
    run.console.print(f"joined, before retraining: {described(found)}")
    return found


def _retrain(run: Search) -> Any:
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
