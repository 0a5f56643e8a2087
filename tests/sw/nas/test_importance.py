"""What operations are worth."""

import copy
import math

import pytest
import torch

from bitrain.nas.importance import batch_statistics, candidates_of, masked_rise, per_cost
from bitrain.nas.network import Cell, Edge

from .conftest import TORCH
from .test_prune import SHAPE, stage_of


def test_importance_by_masking():
    """How much the loss rises without each operation, and nothing is changed by looking."""
    stage = stage_of(TORCH).eval()
    images = torch.rand(4, *SHAPE)

    @torch.no_grad()
    def loss() -> float:
        with batch_statistics(stage):
            return stage(images).square().mean().item()

    before = [tensor.clone() for tensor in stage.state_dict().values()]
    whole = loss()
    rise = masked_rise(stage, loss)
    for number in range(0, len(candidates_of(stage)), 5):
        found = rise(candidates_of(stage)[number])
        without = copy.deepcopy(stage)
        candidates_of(without)[number].remove()
        with torch.no_grad(), batch_statistics(without):
            less = without(images).square().mean().item()
        assert found == pytest.approx(math.log(less / whole), abs=1e-5)
    assert loss() == whole
    after = stage.state_dict()
    counted = [name.endswith("num_batches_tracked") for name in after]
    for ours, theirs, count in zip(before, after.values(), counted, strict=True):
        assert count or torch.equal(ours, theirs)


def test_importance_in_sub_networks():
    """Where one operation covers for the other, only networks without it show what either does."""
    edge = Edge(("conv_1x1", "conv_3x3", "skip"), 4, 4, 1)
    cell = Cell({(0, 1): edge.names}, 1, (4, 4), 4)
    cell.edges["0_1"] = edge
    worth = {"conv_1x1", "conv_3x3"}

    def loss() -> float:
        taken = worth & set(edge.names if edge.only is None else edge.only)
        return 1.0 if taken else math.e

    alone, drawn = (
        [masked_rise(cell, loss, **options)(c) for c in candidates_of(cell)]
        for options in ({}, {"drop": 0.5, "networks": 40})
    )
    assert alone == [0, 0, 0]
    assert all(0.2 < value < 0.7 for value in drawn[:2]) and drawn[2] == 0
    assert edge.only is None


def test_what_is_dear_and_does_little_goes_first():
    candidates = candidates_of(stage_of(TORCH))[:4]
    rises, shares = (
        dict(zip(map(id, candidates), values, strict=True))
        for values in ([0.4, 0.3, -0.1, -0.2], [0.5, 0.1, 0.3, 0.2])
    )
    worth = per_cost(lambda c: rises[id(c)], lambda c: shares[id(c)])
    ranked = sorted(range(4), key=lambda i: worth(candidates[i]))
    assert ranked == [2, 3, 0, 1], "those that harm, the dearest first; then by worth"
