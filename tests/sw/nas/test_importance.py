"""Operations that may be removed, and orders in which they may go."""

import pytest
import torch
from modules import part
from torch import nn

from bitrain.nas.genotype import KNOWN
from bitrain.nas.importance import (
    batch_statistics,
    candidates_of,
    random_importance,
    strength,
)
from bitrain.nas.network import Cell, Edge, Stage
from bitrain.nas.space import fine_network
from bitrain.spec import Shape

from .conftest import TORCH


@pytest.fixture
def stage() -> Stage:
    network = fine_network(TORCH, KNOWN["residual"], Shape(1, 8, 8), 10)
    return part(network, "stages.0", Stage)


def test_every_operation_that_does_something(stage):
    found = candidates_of(stage)
    edges = [edge for edge in stage.modules() if isinstance(edge, Edge)]
    assert len(found) == sum(len(edge.names) - ("none" in edge.names) for edge in edges) > 0
    assert all(candidate.name in candidate.edge.names != "none" for candidate in found)
    assert len(set(found)) == len(found)


def test_strength_is_the_share_of_the_edge(stage):
    candidate = candidates_of(stage)[0]
    edge = candidate.edge
    edge.alpha.data = torch.arange(len(edge.names)).float()
    index = edge.names.index(candidate.name)
    expected = torch.softmax(edge.alpha, 0)[index].item()
    assert strength(candidate) == pytest.approx(expected)


def test_the_last_operation_goes_with_its_edge(stage):
    cell = part(stage, "cells.0", Cell)
    of_edge = [c for c in candidates_of(cell) if (c.node, c.source) == (0, 1)]
    path = f"{of_edge[0].node}_{of_edge[0].source}"
    if "none" in of_edge[0].edge.names:
        of_edge[0].edge.remove("none")
    for candidate in of_edge[:-1]:
        candidate.remove()
        assert path in cell.edges
    of_edge[-1].remove()
    assert path not in cell.edges


def test_batch_norm_takes_the_batch_and_learns_nothing():
    """Also where something fails in between."""
    norm = nn.BatchNorm2d(2, momentum=0.3)
    model = nn.Sequential(nn.Dropout(0.9), norm)
    images = torch.rand(8, 2, 3, 3) * 5
    with batch_statistics(model):
        found = model(images)
    assert not model.training and not norm.training and norm.momentum == 0.3
    assert norm.running_mean is not None and not norm.running_mean.any()
    torch.testing.assert_close(found.mean((0, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    with pytest.raises(KeyError), batch_statistics(model):
        raise KeyError
    assert norm.momentum == 0.3 and not norm.training


def test_random_orders_are_of_the_seed(stage):
    candidate = candidates_of(stage)[0]
    first, same, other = (random_importance(seed) for seed in (1, 1, 2))
    drawn = [[order(candidate) for _ in range(4)] for order in (first, same, other)]
    assert drawn[0] == drawn[1] != drawn[2] and len(set(drawn[0])) == 4
