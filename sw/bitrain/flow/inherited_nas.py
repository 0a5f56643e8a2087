"""``bitrain search``: coarse cells, fine search stage by stage, derivation, retraining, baselines.

Each step is kept in the output folder; stages are searched in turn, in processes of this machine,
or by the workers of a Dask cluster that reach the folder.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import Field
from rich.console import Console

from bitrain.data import Dataset, load_dataset
from bitrain.nas import (
    KNOWN,
    CellGenotype,
    CoarseConfig,
    FineConfig,
    Genotype,
    PruneConfig,
    SearchConfig,
    StageTask,
    check_space,
    coarse_network,
    derived_network,
    join_stages,
    load_parts,
    node_wise_stages,
    random_stages,
    save_parts,
    scaled_to,
    search_coarse,
    search_stage,
)
from bitrain.nn import model_cost, torch_threads
from bitrain.recast import RecastFineTuneConfig, finetune_student
from bitrain.spec import Array, BitrainError, write_atomically
from bitrain.train import TrainConfig, evaluate, fit

from . import cluster, plots
from .config import DataConfig, Section, with_data_dir
from .workspace import Workspace
from .yaml_file import read_yaml

STEPS = ("coarse", "teacher", "fine", "derive", "retrain", "baselines")


class NasConfig(Section):
    """A whole search."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    data: DataConfig = DataConfig()
    space: FineConfig = FineConfig()
    genotype: str | None = None
    """Coarse cells that are given: one of ``bitrain.nas.KNOWN`` or a JSON file; else searched."""
    coarse: CoarseConfig = CoarseConfig()
    teacher: TrainConfig = TrainConfig()
    """Of the coarse network."""
    search: SearchConfig = SearchConfig()
    """Of each stage's super-network."""
    prune: PruneConfig = PruneConfig()
    recovery_epochs: int = Field(default=1, ge=0)
    """Of training after each round of pruning."""
    retrain: RecastFineTuneConfig = RecastFineTuneConfig()
    """Of the joined network, by the labels and the teacher's scores."""
    random_networks: int = Field(default=0, ge=0)
    """Networks drawn from the space to compare with, trained alike."""
    array: Array = Array()
    """The accelerator, where its cycles are weighed."""


@dataclass
class Search:
    """One run."""

    config: NasConfig
    dataset: Dataset
    workspace: Workspace
    console: Console
    results: dict[str, Any] = field(default_factory=dict)

    def step(self, name: str, inputs: Any, compute: Callable[[str], Any]) -> Any:
        """What ``compute`` gives for a name of its checkpoint, unless that is known."""

        def run() -> Any:
            return compute(f"{name}-{self.workspace.fingerprint[:12]}")

        self.workspace.step(name, [metadata.version("bitrain"), inputs], run)
        return self.workspace.results[name]

    def checkpoint(self, name: str) -> Path:
        """Of a training."""
        return self.workspace.path("checkpoints", f"{name}.pt")


def load_search(path: Path, data_dir: Path | None = None) -> NasConfig:
    """Read a configuration; :class:`BitrainError` names the line that is wrong."""
    return with_data_dir(read_yaml(path, NasConfig, "examples/search/digits.yaml"), data_dir)


def run_search(
    config: NasConfig,
    directory: Path,
    console: Console,
    *,
    until: str | None = None,
    workers: int = 1,
    scheduler: str | None = None,
) -> dict[str, Any]:
    """All steps, or those up to ``until``; writes ``search.json`` and ``search.svg`` in the end.

    workers: processes that search stages side by side. scheduler: address of a Dask cluster.
    """
    dataset = load_dataset(config.data.name, config.data.directory)
    run = Search(config, dataset, Workspace(directory), console)
    steps = {
        "coarse": _coarse,
        "teacher": _teacher,
        "fine": lambda run: _fine(run, workers, scheduler),
        "derive": _derive,
        "retrain": _retrain,
        "baselines": _baselines,
    }
    assert tuple(steps) == STEPS
    for name, compute in steps.items():
        run.results[name] = compute(run)
        if name == until:
            break
    result = {"name": config.name, "data": dataset.note, **run.results}
    write_atomically(directory / "search.json", json.dumps(result, indent=1) + "\n")
    if "derive" in result:
        write_atomically(directory / "search.svg", plots.cells(result["derive"]["cells"]))
    return result


def _genotype(run: Search) -> Genotype:
    return Genotype.model_validate(run.results["coarse"])


def _coarse(run: Search) -> Any:
    config = run.config
    base = {"data", "space"}
    if config.genotype is None:
        inputs = config.model_dump(mode="json", include=base | {"coarse"})
        found = run.step(
            "coarse",
            inputs,
            lambda name: search_coarse(
                *(config.space, run.dataset, config.coarse),
                checkpoint=run.checkpoint(name),
                progress=True,
            ).model_dump(mode="json"),
        )
    else:
        given = _given(config.genotype).model_dump(mode="json")
        inputs = config.model_dump(mode="json", include=base)
        found = run.step("coarse", [inputs, given], lambda name: given)
    check_space(config.space, Genotype.model_validate(found))
    run.console.print(f"coarse cells: {json.dumps(found)}", soft_wrap=True)
    return found


def _given(source: str) -> Genotype:
    if source in KNOWN:
        return KNOWN[source]
    try:
        return Genotype.model_validate_json(Path(source).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BitrainError(
            f"genotype {source}: not one of {list(KNOWN)} and not a readable file of one "
            f"({str(error).splitlines()[0]})"
        ) from error


def _teacher_network(run: Search) -> Any:
    network = coarse_network(
        *(run.config.space, _genotype(run), run.dataset.in_shape, run.dataset.num_classes),
        seed=run.config.teacher.seed,
    )
    if "teacher" in run.results:
        load_parts(network, run.workspace.path(run.results["teacher"]["weights"]))
    return network


def _teacher(run: Search) -> Any:
    def train(name: str) -> dict[str, Any]:
        network = _teacher_network(run)
        losses = fit(
            *(network, run.dataset, run.config.teacher),
            checkpoint=run.checkpoint(name),
            title="teacher",
            progress=True,
        )
        save_parts(network, run.workspace.path("teacher.pt"))
        return {"weights": "teacher.pt", "losses": losses, **_measured(run, network)}

    found = run.step("teacher", run.config.teacher.model_dump(mode="json"), train)
    run.console.print(f"coarse network: {_described(found)}")
    return found


def _measured(run: Search, network: Any) -> dict[str, Any]:
    return {
        "accuracy": 100 * evaluate(network, run.dataset),
        **asdict(model_cost(network, run.dataset.in_shape)),
    }


def _described(found: dict[str, Any]) -> str:
    return (
        f"{found['accuracy']:.2f} %, {found['macs']:,} MACs, "
        f"{found['memory_access']:,} words of memory access"
    )


def search_stage_of(config: dict[str, Any], genotype: dict[str, Any], folder: str, index: int):
    """One stage as a task that another process can run: all that it needs is in files."""
    settings = NasConfig.model_validate(config)
    with torch_threads(settings.search.threads):
        dataset = load_dataset(settings.data.name, settings.data.directory)
        cells = Genotype.model_validate(genotype)
        teacher = coarse_network(settings.space, cells, dataset.in_shape, dataset.num_classes)
        load_parts(teacher, Path(folder) / "teacher.pt")
        task = StageTask(
            index=index,
            space=settings.space,
            genotype=cells,
            search=settings.search,
            prune=settings.prune,
            recovery_epochs=settings.recovery_epochs,
            array=settings.array if settings.search.penalty.cycles else None,
            folder=Path(folder) / "stages",
        )
        return search_stage(task, teacher, dataset, progress=True)


def _fine(run: Search, workers: int, scheduler: str | None) -> Any:
    parts = {"space", "search", "prune", "recovery_epochs", "array"}
    inputs = run.config.model_dump(mode="json", include=parts)

    def compute(name: str) -> list[Any]:
        shared = (
            run.config.model_dump(mode="json"),
            run.results["coarse"],
            str(run.workspace.directory.resolve()),
        )
        stages = range(len(run.config.space.widths))
        tasks = [(*shared, index) for index in stages]
        return cluster.map_tasks(search_stage_of, tasks, workers=workers, scheduler=scheduler)

    found = run.step("fine", inputs, compute)
    for stage in found:
        run.console.print(
            f"stage {stage['stage']}: {stage['macs']:,.0f} MACs, difference from the teacher "
            f"{list(stage['losses'].values())[-1][-1]:.3g}"
        )
    return found


def _cells(stages: Sequence[dict[str, Any]]) -> list[list[CellGenotype]]:
    return [[CellGenotype.model_validate(cell) for cell in stage["cells"]] for stage in stages]


def _joined(run: Search) -> Any:
    """The stages that were found, with their weights, between the teacher's stem and head."""
    network = derived_network(
        *(run.config.space, _cells(run.results["fine"])),
        *(run.dataset.in_shape, run.dataset.num_classes),
    )
    files = [run.workspace.path("stages", stage["weights"]) for stage in run.results["fine"]]
    join_stages(network, _teacher_network(run), files)
    return network


def _derive(run: Search) -> Any:
    def compute(name: str) -> dict[str, Any]:
        cells = [stage["cells"] for stage in run.results["fine"]]
        return {"cells": cells, **_measured(run, _joined(run))}

    found = run.step("derive", None, compute)
    run.console.print(f"joined, before retraining: {_described(found)}")
    return found


def _retrain(run: Search) -> Any:
    def train(name: str) -> dict[str, Any]:
        network = _joined(run)
        found = _train_alike(run, network, name, "retrain")
        save_parts(network, run.workspace.path("network.pt"))
        return {"weights": "network.pt", **found}

    found = run.step("retrain", run.config.retrain.model_dump(mode="json"), train)
    run.console.print(f"found network: {_described(found)}")
    return found


def _train_alike(run: Search, network: Any, name: str, title: str) -> dict[str, Any]:
    losses = finetune_student(
        *(network, _teacher_network(run), run.dataset, run.config.retrain),
        checkpoint=run.checkpoint(name),
        title=title,
        progress=True,
    )
    return {"losses": losses, **_measured(run, network)}


def _baselines(run: Search) -> Any:
    """Networks of as many multiplications, trained alike from random weights."""
    config, dataset = run.config, run.dataset
    macs = run.results["derive"]["macs"]
    shape = dataset.in_shape, dataset.num_classes
    genotype = _genotype(run)

    def coarse(space: FineConfig) -> Any:
        return coarse_network(space, genotype, *shape, seed=config.retrain.seed)

    def fine(cells: list[list[CellGenotype]]) -> Callable[[FineConfig], Any]:
        return lambda space: derived_network(space, cells, *shape, seed=config.retrain.seed)

    makers: dict[str, Callable[[FineConfig], Any]] = {
        "found": fine(_cells(run.results["fine"])),
        "coarse": coarse,
        "node-wise": fine(
            node_wise_stages(
                *(config.space, genotype, *shape),
                strengths=[stage["strengths"] for stage in run.results["fine"]],
            )
        ),
    }
    for seed in range(config.random_networks):
        cells = random_stages(
            *(config.space, genotype, _teacher_network(run), dataset),
            prune=config.prune,
            seed=seed,
        )
        makers[f"random {seed}"] = fine(cells)
    found = {}
    for name, make in makers.items():
        step = f"baseline-{name.replace(' ', '-')}"
        found[name] = run.step(
            step,
            macs,
            lambda file, make=make, name=name: _train_alike(
                run, scaled_to(make, config.space, dataset.in_shape, macs), file, name
            ),
        )
        run.console.print(f"{name}, from random weights: {_described(found[name])}")
    return found
