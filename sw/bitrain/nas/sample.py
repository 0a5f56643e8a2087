"""Sub-networks within the budget, drawn from a super-network: what operations are worth in them.

An operation is judged among networks that could be the result. In the whole super-network every
one seems dispensable, because the others make up for it; and what a dear operation does for its
cost shows only where others go for it, as in networks that all meet the budget. Where operations
are left out at random in training, the loss of such a network says what it is worth (G. Bender et
al., *Understanding and simplifying one-shot architecture search*, 2018). The estimate for an
operation is a difference of means, as for a factor in an experiment.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import nn

from .importance import Candidate, Importance, keep_only, random_importance
from .network import edges_of
from .penalty import CostModel
from .prune import PruneConfig, clean, prune_round
from .space import Target

Subnetwork = Mapping[str, frozenset[str]]
"""Names of the operations that take part, by path of the edge."""


class Sample(NamedTuple):
    """A sub-network, and the logarithm of the objective that it reaches."""

    network: Subnetwork
    objective: float


def draw_networks(
    stage: nn.Module,
    costs: CostModel,
    limit: float,
    number: int,
    *,
    target: Target = "torch",
    seed: int = 0,
) -> list[Subnetwork]:
    """Sub-networks of what is left: operations go at random until ``limit`` MACs an image."""
    whole, found = PruneConfig(share=1.0), []
    for i in range(number):
        copy = deepcopy(stage)
        importance = random_importance((seed << 16) + i)
        while not prune_round(copy, costs, limit, whole, importance, target=target):
            pass
        found.append({path: frozenset(edge.names) for path, edge in edges_of(copy)})
    return found


def measure_networks(
    stage: nn.Module,
    networks: Sequence[Subnetwork],
    costs: CostModel,
    objective: Callable[[torch.Tensor], float],
) -> list[Sample]:
    """Each with the logarithm of the objective, of the costs of its operations."""
    edges, samples = list(edges_of(stage)), []
    for network in networks:
        for path, edge in edges:
            edge.only = network.get(path, frozenset())
        total = torch.tensor(costs.of(network))
        samples.append(Sample(network, math.log(max(objective(total), 1e-12))))
    for _, edge in edges:
        edge.only = None
    return samples


def sampled_importance(stage: nn.Module, samples: Sequence[Sample]) -> Importance:
    """How much higher the objective is, on average, in networks without the operation.

    What no network has goes first; what all have goes last.
    """
    paths = {edge: path for path, edge in edges_of(stage)}

    def rise(candidate: Candidate) -> float:
        path = paths[candidate.edge]
        having: list[float] = []
        lacking: list[float] = []
        for network, objective in samples:
            taken = candidate.name in network.get(path, ())
            (having if taken else lacking).append(objective)
        if not having:
            return -math.inf
        if not lacking:
            return math.inf
        return sum(lacking) / len(lacking) - sum(having) / len(having)

    return rise


def keep(stage: nn.Module, network: Subnetwork) -> None:
    """Remove all operations that ``network`` does not have."""
    paths = {edge: path for path, edge in edges_of(stage)}
    keep_only(stage, lambda candidate: candidate.name in network.get(paths[candidate.edge], ()))
    clean(stage)
