"""The search of one stage as a task that runs anywhere and goes on after a stop.

Its checkpoints and its result are files in one folder, which all workers must reach.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from bitrain.data import Dataset, evenly_spaced
from bitrain.nn import best_device, torch_threads
from bitrain.spec import Array

from .genotype import CellGenotype, Genotype
from .join import save_parts
from .network import CellNetwork, Stage, edges_of
from .penalty import CostModel
from .prune import (
    Importance,
    PruneConfig,
    masked_rise,
    prune_round,
    random_importance,
    strength,
)
from .search import SearchConfig, input_shape, reference_cost, stage_loss, train_stage
from .space import FineConfig, cell_genotype, fine_network, inherit_weights

MASKED_IMAGES = 500
"""Training images on which the loss without an operation is measured."""


@dataclass(frozen=True, kw_only=True)
class StageTask:
    """What the search of a stage needs beside the teacher and the images."""

    index: int
    space: FineConfig
    genotype: Genotype
    search: SearchConfig
    prune: PruneConfig
    recovery_epochs: int
    array: Array | None = None
    folder: Path
    """Of checkpoints and the result."""
    logs: Path | None = None
    """Folder for TensorBoard."""


def search_stage(
    task: StageTask, teacher: CellNetwork, dataset: Dataset, *, progress: bool = False
) -> dict[str, Any]:
    """Search and prune stage ``task.index``; the result has its cells, losses and weights' file.

    Stopped and called again, it goes on from its last checkpoint to the very same result.
    """
    network = fine_network(
        task.space, task.genotype, dataset.in_shape, dataset.num_classes, seed=task.search.seed
    )
    inherit_weights(network, teacher)
    stage = network.stages[task.index]
    assert isinstance(stage, Stage)
    before = torch.nn.Sequential(*teacher.parts()[: task.index + 1])
    costs = CostModel(stage, input_shape(before, dataset.in_shape), task.array)
    limit = task.prune.budget * reference_cost(teacher, task.index, dataset.in_shape).macs

    def train(name: str, config: SearchConfig) -> list[float]:
        return train_stage(
            stage,
            teacher,
            task.index,
            dataset,
            config,
            array=task.array,
            checkpoint=task.folder / f"stage{task.index}-{name}.pt",
            logs=task.logs / f"stage{task.index}-{name}" if task.logs else None,
            title=f"stage {task.index}, {name}",
            progress=progress,
        )

    losses = {"search": train("search", task.search)}
    strengths = {
        path: dict(zip(edge.names, edge.strengths().tolist(), strict=True))
        for path, edge in edges_of(stage)
    }
    recovery = task.search.model_copy(
        update={"epochs": task.recovery_epochs, "warmup_epochs": 0, "warmup": 0.0}
    )
    rounds = 0
    settled = False
    while not settled:
        importance: Importance = strength
        if task.prune.importance == "masked":
            importance = masked_rise(_loss(stage, teacher, task, dataset))
        settled = prune_round(stage, costs, limit, task.prune, importance, target=task.space.target)
        rounds += 1
        if task.recovery_epochs:
            losses[f"round {rounds}"] = train(f"round{rounds}", recovery)
    result = task.folder / f"stage{task.index}.pt"
    save_parts(stage, result)
    return {
        "stage": task.index,
        "cells": [cell.model_dump(mode="json") for cell in cells_of(stage)],
        "macs": costs.total(stage).macs,
        "losses": losses,
        "strengths": strengths,
        "weights": result.name,
    }


def random_stages(
    space: FineConfig,
    genotype: Genotype,
    teacher: CellNetwork,
    dataset: Dataset,
    *,
    prune: PruneConfig,
    seed: int,
) -> list[list[CellGenotype]]:
    """A network drawn at random from the space, of the same budget: cells of every stage."""
    network = fine_network(space, genotype, dataset.in_shape, dataset.num_classes, seed=seed)
    found = []
    for index, stage in enumerate(network.stages):
        assert isinstance(stage, Stage)
        before = torch.nn.Sequential(*teacher.parts()[: index + 1])
        costs = CostModel(stage, input_shape(before, dataset.in_shape))
        limit = prune.budget * reference_cost(teacher, index, dataset.in_shape).macs
        whole = prune.model_copy(update={"share": 1.0})
        importance = random_importance((seed << 8) + index)
        while not prune_round(stage, costs, limit, whole, importance, target=space.target):
            pass
        found.append(cells_of(stage))
    return found


def _loss(stage: Stage, teacher: CellNetwork, task: StageTask, dataset: Dataset):
    """Matching loss on some training images, in evaluation mode."""
    device = best_device()
    images = torch.from_numpy(evenly_spaced(dataset.train_images, MASKED_IMAGES)).to(device)
    before = torch.nn.Sequential(*teacher.to(device).eval().parts()[: task.index + 1])
    with torch.no_grad(), torch_threads(task.search.threads):
        inputs = before(images)
    loss = stage_loss(teacher, task.index, task.search.matching)

    @torch.no_grad()
    def measure() -> float:
        stage.to(device).eval()
        with torch_threads(task.search.threads):
            found = loss((inputs, *stage.outputs(inputs))).item()
        stage.to("cpu")
        return found

    return measure


def cells_of(stage: Stage) -> list[CellGenotype]:
    """What is left on the edges of every cell."""
    return [cell_genotype(cell) for cell in stage.cells]
