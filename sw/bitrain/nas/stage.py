"""The search of one stage as a task that runs anywhere and goes on after a stop.

Its checkpoints and its result are files in one folder, which all workers must reach.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bitrain.data import Dataset, evenly_spaced
from bitrain.nn import best_device, torch_threads
from bitrain.program import Array
from bitrain.train.loop import Job

from .genotype import CellGenotype, Genotype
from .importance import batch_statistics, candidates_of, strength
from .join import save_parts
from .memory import peak_memory
from .network import CellNetwork, JoinedNetwork, Stage, Stages, edges_of
from .penalty import Cost, CostModel, penalty
from .prune import TOLERANCE, PruneConfig, prune_round
from .sample import draw_networks, keep, measure_networks, sampled_importance
from .search import SearchConfig, input_shape, reference_cost, stage_loss, train_stage
from .space import FineConfig, cells_of, fine_network, inherit_weights

MEASURED_IMAGES = 200
"""Training images on which the loss of a sub-network is measured."""
DRAWN = 32
"""Networks of a stage, of which one is to have as many multiplications as it may."""


@dataclass(frozen=True, kw_only=True)
class StageTask:
    """What the search of a stage needs beside the teacher and the images."""

    index: int
    """Number of the stage; 0 where all are searched together."""
    space: FineConfig
    genotype: Genotype
    search: SearchConfig
    prune: PruneConfig
    recovery_epochs: int
    array: Array | None = None
    folder: Path
    """Folder of checkpoints and the result."""
    logs: Path | None = None
    """Folder for TensorBoard."""


def search_stage(
    task: StageTask, teacher: CellNetwork, dataset: Dataset, *, progress: bool = False
) -> list[dict[str, Any]]:
    """Search and prune; for each stage of the task its cells, losses and files of weights.

    That is stage ``task.index``, or all of them where they are searched together. Stopped and
    called again, it goes on from its last checkpoint to the very same result.
    """
    teacher, stage = _searched(task, teacher, dataset)
    name = "stages" if task.search.together else f"stage{task.index}"
    before = nn.Sequential(*teacher.parts()[: task.index + 1])
    costs = CostModel(stage, input_shape(before, dataset.in_shape), task.array)
    reference = reference_cost(teacher, task.index, dataset.in_shape, task.array)

    def train(step: str, config: SearchConfig) -> list[float]:
        path, logs = task.folder / f"{name}-{step}.pt", task.logs and task.logs / f"{name}-{step}"
        job: Job = {"checkpoint": path, "title": f"{name}, {step}", "progress": progress}
        where = (stage, teacher, task.index)
        return train_stage(*where, dataset, config, array=task.array, logs=logs, **job)

    losses = {"search": train("search", task.search)}
    parts = [*stage.stages] if isinstance(stage, Stages) else [stage]
    found: list[dict[str, Any]] = []
    for number, part in enumerate(parts, task.index):
        shares = {path: edge.shares() for path, edge in edges_of(part)}
        found.append({"stage": number, "strengths": shares, "whole": f"{name}-{number}-whole.pt"})
        save_parts(part, task.folder / found[-1]["whole"])
    recovery = _recovery(task.search, task.recovery_epochs)
    limit = task.prune.budget * reference.macs
    objective = _objective(stage, teacher, task, dataset, reference)
    settled, rounds = False, 0
    while not settled:
        rounds += 1
        if task.prune.importance == "strength":
            target = task.space.target
            settled = prune_round(stage, costs, limit, task.prune, strength, target=target)
        else:
            settled = _prune_by_samples(stage, costs, limit, task, objective, number=rounds)
        if task.recovery_epochs:
            losses[f"round {rounds}"] = train(f"round{rounds}", recovery)
    for result, part in zip(found, parts, strict=True):
        shape = input_shape(before, dataset.in_shape)
        result |= {
            "cells": [cell.model_dump(mode="json") for cell in cells_of(part)],
            "macs": CostModel(part, shape).total(part).macs,
            "losses": losses,
            "weights": f"{name}-{result['stage']}.pt",
        }
        save_parts(part, task.folder / result["weights"])
        before = nn.Sequential(before, part)
    return found


def search_memory(task: StageTask, teacher: CellNetwork, dataset: Dataset) -> int:
    """Peak memory in bytes while the super-network trains: its tensors and those of the teacher.

    Only two batches of the data set are loaded: it is the same for all searches, and would hide
    what differs.
    """
    count = 2 * task.search.batch_size
    few = replace(
        dataset,
        train_images=evenly_spaced(dataset.train_images, count).copy(),
        train_labels=evenly_spaced(dataset.train_labels, count).copy(),
    )

    def train() -> None:
        own, stage = _searched(task, teacher, few)
        config = task.search.model_copy(update={"epochs": 1, "warmup_epochs": 0, "images": count})
        train_stage(stage, own, task.index, few, config, array=task.array)

    return peak_memory(train)


def _searched(task: StageTask, teacher: CellNetwork, dataset: Dataset) -> tuple[CellNetwork, Stage]:
    """The teacher, and the super-network with what it inherits; whole where that is wanted."""
    shape, seed = (dataset.in_shape, dataset.num_classes), task.search.seed
    network = fine_network(task.space, task.genotype, *shape, seed=seed)
    inherit_weights(network, teacher)
    if task.search.together:
        teacher, network = JoinedNetwork(teacher), JoinedNetwork(network)
    stage = network.stages[task.index]
    assert isinstance(stage, Stage)
    return teacher, stage


def random_stages(
    space: FineConfig,
    genotype: Genotype,
    teacher: CellNetwork,
    dataset: Dataset,
    *,
    limits: Sequence[float],
    seed: int,
) -> list[list[CellGenotype]]:
    """A network drawn at random from the space: cells of every stage.

    limits: multiplications of each stage. Several networks are drawn for a stage; the first within
    5 % of the limit is taken, or else the nearest.
    """
    network = fine_network(space, genotype, dataset.in_shape, dataset.num_classes, seed=seed)
    found = []
    for index, (stage, limit) in enumerate(zip(network.stages, limits, strict=True)):
        before = nn.Sequential(*teacher.parts()[: index + 1])
        costs = CostModel(stage, input_shape(before, dataset.in_shape))
        drawn = draw_networks(
            stage, costs, limit, DRAWN, target=space.target, seed=(seed << 8) + index
        )
        macs = [costs.of(subnetwork).macs for subnetwork in drawn]
        near = [i for i in range(DRAWN) if macs[i] >= (1 - TOLERANCE) * limit]
        keep(stage, drawn[near[0] if near else macs.index(max(macs))])
        found.append(cells_of(stage))
    return found


def recover_stages(
    network: CellNetwork,
    teacher: CellNetwork,
    dataset: Dataset,
    search: SearchConfig,
    *,
    epochs: Sequence[int],
    array: Array | None = None,
    checkpoint: Callable[[int], Path] | None = None,
) -> None:
    """Train each stage of a derived network against the teacher's, for so many epochs each.

    In place; afterwards all operations take part. checkpoint: file of a stage, by its number.
    """
    for index, (stage, count) in enumerate(zip(network.stages, epochs, strict=True)):
        assert isinstance(stage, Stage)
        if count:
            job: Job = {"checkpoint": checkpoint and checkpoint(index), "progress": True}
            recovery = _recovery(search, count)
            train_stage(stage, teacher, index, dataset, recovery, array=array, **job)
        for _, edge in edges_of(stage):
            edge.drop = 0.0


def _recovery(search: SearchConfig, epochs: int) -> SearchConfig:
    """Training of what is left of a super-network."""
    return search.model_copy(update={"epochs": epochs, "warmup_epochs": 0, "warmup": 0.0})


def _prune_by_samples(
    stage: Stage,
    costs: CostModel,
    limit: float,
    task: StageTask,
    objective: Callable[[torch.Tensor], float],
    *,
    number: int,
) -> bool:
    """One round by sampled importance; the best sample ends it once little more would be left."""
    target = task.space.target
    seed = (task.search.seed << 8) + number
    networks = draw_networks(stage, costs, limit, task.prune.networks, target=target, seed=seed)
    samples = measure_networks(stage, networks, costs, objective)
    left = (1 - task.prune.share) * len(list(candidates_of(stage)))
    if left * len(networks) > sum(len(names) for x in networks for names in x.values()):
        importance = sampled_importance(stage, samples)
        return prune_round(stage, costs, limit, task.prune, importance, target=target)
    keep(stage, min(samples, key=lambda sample: sample.objective).network)
    return True


def _objective(
    stage: Stage, teacher: CellNetwork, task: StageTask, dataset: Dataset, reference: Cost
) -> Callable[[torch.Tensor], float]:
    """Matching loss on some training images, and the penalty for given costs."""
    device = best_device()
    images = torch.from_numpy(evenly_spaced(dataset.train_images, MEASURED_IMAGES)).to(device)
    before = nn.Sequential(*teacher.to(device).eval().parts()[: task.index + 1])
    with torch.no_grad(), torch_threads(task.search.threads):
        inputs = before(images)
    loss = stage_loss(teacher, task.index, task.search.matching)

    @torch.no_grad()
    def measure(costs: torch.Tensor) -> float:
        stage.to(device)
        with torch_threads(task.search.threads), batch_statistics(stage):
            found = loss((inputs, *stage.outputs(inputs))).item()
        stage.to("cpu")
        return found + penalty(costs, reference, task.search.penalty).item()

    return measure
