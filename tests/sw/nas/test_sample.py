"""Sub-networks within the budget, and what operations are worth in them."""

import copy
import math

import pytest
import torch

from bitrain.nas.genotype import KNOWN
from bitrain.nas.importance import batch_statistics, candidates_of
from bitrain.nas.network import edges_of
from bitrain.nas.penalty import CostModel
from bitrain.nas.sample import Sample, draw_networks, keep, measure_networks, sampled_importance
from bitrain.profile.cost import model_cost

from .conftest import TORCH
from .test_prune import SHAPE, stage_of


@pytest.fixture
def stage():
    return stage_of(TORCH, KNOWN["residual"]).eval()


def test_networks_meet_the_budget_and_differ(space):
    stage = stage_of(space)
    costs = CostModel(stage, SHAPE)
    limit = 0.4 * costs.total(stage).macs
    networks = draw_networks(stage, costs, limit, 5, target=space.target)
    assert len({str(sorted((k, sorted(v)) for k, v in x.items())) for x in networks}) > 1
    assert networks == draw_networks(stage, costs, limit, 5, target=space.target)
    for network in networks:
        left = copy.deepcopy(stage)
        keep(left, network)
        assert {path: frozenset(edge.names) for path, edge in edges_of(left)} == network
        assert model_cost(left, SHAPE).macs == costs.of(network).macs <= limit


def test_a_masked_super_network_is_the_sub_network(stage):
    """And looking changes nothing."""
    costs, images = CostModel(stage, SHAPE), torch.rand(4, *SHAPE)
    networks = draw_networks(stage, costs, 0.5 * costs.total(stage).macs, 3)

    def loss(module) -> float:
        with torch.no_grad(), batch_statistics(module):
            return module(images).square().mean().item()

    whole = loss(stage)
    samples = measure_networks(
        stage, networks, costs, lambda cost: loss(stage) + 1e-9 * cost[0].item()
    )
    for network, sample in zip(networks, samples, strict=True):
        left = copy.deepcopy(stage)
        keep(left, network)
        expected = loss(left) + 1e-9 * costs.of(network).macs
        assert sample.network == network
        assert sample.objective == pytest.approx(math.log(expected), abs=1e-5)
    assert loss(stage) == whole


def test_importance_is_a_difference_of_means(stage):
    """An operation that halves the objective wherever it takes part, and others that do nothing."""
    costs = CostModel(stage, SHAPE)
    networks = draw_networks(stage, costs, 0.5 * costs.total(stage).macs, 120)
    chosen = next(x for x in candidates_of(stage) if x.name == "sep_conv_3x3")
    path = next(path for path, edge in edges_of(stage) if edge is chosen.edge)
    samples = [Sample(x, -math.log(2) * (chosen.name in x.get(path, ()))) for x in networks]
    worth = sampled_importance(stage, samples)
    assert worth(chosen) == pytest.approx(math.log(2))
    others = [worth(x) for x in candidates_of(stage) if x != chosen]
    assert all(abs(value) < 0.4 for value in others if math.isfinite(value))


def test_what_no_network_has_goes_first(stage):
    paths = {edge: path for path, edge in edges_of(stage)}
    first, second = candidates_of(stage)[:2]
    network = {paths[first.edge]: frozenset([first.name])}
    worth = sampled_importance(stage, [Sample(network, 0.0), Sample(network, 1.0)])
    assert worth(first) == math.inf and worth(second) == -math.inf
