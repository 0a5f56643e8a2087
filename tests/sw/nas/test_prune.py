"""Pruning over a whole stage: within the budget, whole, and as the target can run it."""

import itertools

import pytest
import torch
from modules import part
from torch import nn

from bitrain.frontend import read_chain
from bitrain.nas.accelerated import to_sequential
from bitrain.nas.genotype import KNOWN
from bitrain.nas.importance import SKIPS, candidates_of, random_importance, strength
from bitrain.nas.network import Cell, Edge, Stage, derived_network, edges_of
from bitrain.nas.penalty import CostModel
from bitrain.nas.prune import PruneConfig, is_needed, prune_node_wise, prune_round
from bitrain.nas.space import crosses, fine_network
from bitrain.nas.stage import cells_of
from bitrain.profile.cost import model_cost
from bitrain.spec import BitrainError, Shape

from .conftest import ACCELERATOR, TORCH
from .test_space import genotype_of

SHAPE = Shape(4, 8, 8)
CONFIG = PruneConfig(share=0.3)


def stage_of(space, genotype=KNOWN["residual"], seed=0, number=1) -> Stage:
    network = fine_network(space, genotype, Shape(1, 8, 8), 10, seed=seed)
    return part(network, f"stages.{number}", Stage)


def cells_in(stage: nn.Module) -> list[Cell]:
    return [module for module in stage.modules() if isinstance(module, Cell)]


def prune(stage, limit, importance, target, config=CONFIG) -> int:
    costs = CostModel(stage, SHAPE)
    rounds = 1
    while not prune_round(stage, costs, limit, config, importance, target=target):
        rounds += 1
    return rounds


def convolutions(cell: Cell, node: int) -> list[tuple[int, str]]:
    return [(s, n) for s, edge in cell.into(node) for n in edge.names if n not in SKIPS]


@pytest.mark.parametrize("seed", range(3))
def test_within_the_budget_and_whole(space, seed):
    stage = stage_of(space, seed=seed)
    coarse = model_cost(
        derived_network(
            space, [[KNOWN["residual"].normal] * n for n in space.cells], Shape(1, 8, 8), 10
        ).stages[1],
        SHAPE,
    ).macs
    for share in (0.3, 1.0):
        stage = stage_of(space, seed=seed)
        limit = 0.5 * coarse
        config = PruneConfig(share=share)
        prune(stage, limit, random_importance(seed), space.target, config)
        assert model_cost(stage, SHAPE).macs <= limit
        assert stage(torch.rand(2, *SHAPE)).shape == (2, 8, 4, 4)
        for cell, genotype in zip(cells_in(stage), cells_of(stage), strict=True):
            assert all(len(node) >= 1 for node in genotype.nodes)
            assert not any(edge.names == [] or "none" in edge.names for _, edge in edges_of(cell))


@pytest.mark.parametrize("seed", range(5))
def test_what_the_accelerator_runs(seed):
    """Three nodes: skips may cross in the space and must not in what is left."""
    space = ACCELERATOR.model_copy(update={"nodes": 3, "cells": (1, 2)})
    cell = genotype_of([["conv_3x3", 1]], [["conv_3x3", 2], ["skip", 1]], [["conv_3x3", 3]]).normal
    genotype = genotype_of(*cell.model_dump()["nodes"]).model_copy(update={"reduction": cell})
    network = fine_network(space, genotype, Shape(1, 8, 8), 10, seed=seed)
    for number, stage in enumerate(network.stages):
        costs = CostModel(stage, Shape(4, 8, 8))
        importance, limit = random_importance(seed + number), 0.5 * costs.total(stage).macs
        while not prune_round(stage, costs, limit, CONFIG, importance, target="accelerator"):
            pass
        for cell in cells_in(stage):
            skips = []
            for node in range(3):
                ((source, _),) = convolutions(cell, node)
                assert source == node + 1
                skips += [(s, node + 2) for s, e in cell.into(node) if "skip" in e.names]
            assert not any(crosses(*pair) for pair in itertools.combinations(skips, 2))
    read_chain(to_sequential(network.eval()), Shape(1, 8, 8))


def test_the_weakest_of_the_whole_stage_go_first():
    """Block-wise: one cell may lose much and another nothing, a node keeps one input or many."""
    stage = stage_of(TORCH)
    for path, edge in edges_of(stage):
        edge.alpha.data[:] = 0.0
        if path.startswith("cells.0"):
            edge.alpha.data[edge.names.index("conv_3x3")] = 5.0
    costs = CostModel(stage, SHAPE)
    before = [len(candidates_of(cell)) for cell in cells_in(stage)]
    quota = -(-3 * sum(before) // 10)
    done = prune_round(stage, costs, 0.3 * costs.total(stage).macs, CONFIG, strength)
    after = [len(candidates_of(cell)) for cell in cells_in(stage)]
    assert not done and sum(before) - sum(after) == quota
    assert after[0] < before[0] and after[1] == before[1], "the weak ones are in the first cell"
    inputs = [
        sum(len(e.names) for _, e in cell.into(n)) for cell in cells_in(stage) for n in (0, 1)
    ]
    assert len(set(inputs)) > 1


def test_pruning_is_in_rounds():
    limit = 0.2 * CostModel(stage := stage_of(TORCH), SHAPE).total(stage).macs
    assert prune(stage, limit, random_importance(0), "torch", PruneConfig(share=0.1)) > prune(
        stage_of(TORCH), limit, random_importance(0), "torch", PruneConfig(share=0.6)
    )


def test_what_is_within_the_budget_is_only_cleaned():
    stage = stage_of(TORCH)
    costs = CostModel(stage, SHAPE)
    operations = sum(len(edge.names) - 1 for _, edge in edges_of(stage))
    assert prune_round(stage, costs, costs.total(stage).macs, CONFIG, strength)
    assert len(candidates_of(stage)) == operations


def test_an_impossible_budget():
    space = ACCELERATOR
    with pytest.raises(BitrainError, match="cannot be pruned to 100: every node needs an operatio"):
        prune(stage_of(space), 100, random_importance(0), "accelerator")


def test_the_last_operation_of_a_node_is_needed():
    stage = stage_of(TORCH)
    cell, *_ = cells_in(stage)
    edge = part(cell, "edges.0_1", Edge)
    for name in edge.names[1:]:
        edge.remove(name)
    first, *others = candidates_of(cell)
    assert is_needed(first, "torch") and not any(is_needed(other, "torch") for other in others)
    with_skip = next(c for c in others if c.name == "skip" and c.node == 1)
    for candidate in candidates_of(cell):
        if candidate.node == 1 and candidate != with_skip:
            candidate.remove()
    assert is_needed(with_skip, "torch") and not is_needed(with_skip, "accelerator")


def test_every_node_is_read():
    """Where a cell gives its last node, no node before it may be left without a reader."""
    space = TORCH.model_copy(update={"join": "last"})
    for seed in range(5):
        stage = stage_of(space, seed=seed)
        limit = 0.3 * CostModel(stage, SHAPE).total(stage).macs
        prune(stage, limit, random_importance(seed), "torch")
        for cell in cells_in(stage):
            assert any(edge.names for source, edge in cell.into(1) if source == 2)


def test_node_wise_keeps_two_inputs():
    space = TORCH.model_copy(update={"nodes": 4})
    genotype = KNOWN["darts_v2"]
    stage = stage_of(space, genotype)
    tables = {
        path: dict(zip(e.names, e.strengths().tolist(), strict=True)) for path, e in edges_of(stage)
    }
    for path, edge in edges_of(stage):
        edge.alpha.data[edge.names.index("none")] = 9.0
        strengths = tables[path]
        strengths.pop("none")
    prune_node_wise(stage, 2)
    for number, genotype in enumerate(cells_of(stage)):
        for index, node in enumerate(genotype.nodes):
            assert len(node) == 2 and len({source for _, source in node}) == 2
            for operation, source in node:
                table = tables[f"cells.{number}.edges.{index}_{source}"]
                assert operation == max(table, key=lambda name: table[name])
