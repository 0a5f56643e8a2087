"""What an operation of a super-network is worth: what would be lost without it, for what it costs.

Where operations are left out at random in training, the loss without one tells what it does (G.
Bender et al., *Understanding and simplifying one-shot architecture search*, 2018).
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import nn

from .network import Cell, Edge, edges_of

SKIPS = ("skip", "none")
FREE = 1e-3
"""Share of the stage's cost that every operation counts, also those without multiplications."""


class Candidate(NamedTuple):
    """An operation that may be removed."""

    cell: Cell
    node: int
    source: int
    name: str

    @property
    def edge(self) -> Edge:
        """Where it is."""
        edge = self.cell.edges[f"{self.node}_{self.source}"]
        assert isinstance(edge, Edge)
        return edge

    def remove(self) -> None:
        """Take it out, and its edge where nothing is left."""
        if len(self.edge.names) == 1:
            del self.cell.edges[f"{self.node}_{self.source}"]
        else:
            self.edge.remove(self.name)


Importance = Callable[[Candidate], float]


def candidates_of(stage: nn.Module) -> list[Candidate]:
    """Operations that do something."""
    return [
        Candidate(cell, node, source, name)
        for cell in stage.modules()
        if isinstance(cell, Cell)
        for node in range(cell.nodes)
        for source, edge in cell.into(node)
        for name in edge.names
        if name != "none"
    ]


def strength(candidate: Candidate) -> float:
    """The operation's share of its edge."""
    edge = candidate.edge
    return edge.strengths()[edge.names.index(candidate.name)].item()


def masked_rise(
    stage: nn.Module, loss: Callable[[], float], *, drop: float = 0.0, networks: int = 1
) -> Importance:
    """Importance by how much the logarithm of ``loss`` rises without the operation.

    It is the mean over so many sub-networks, each drawn as in training with ``drop``: where all
    take part, the inherited operation makes up for any other.
    """
    edges = [edge for _, edge in edges_of(stage)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = [{edge: edge.draw(drop) for edge in edges} for _ in range(networks)]

    def measure(network: Mapping[Edge, frozenset[str]]) -> float:
        for edge in edges:
            edge.only = network[edge]
        try:
            return math.log(max(loss(), 1e-12))
        finally:
            for edge in edges:
                edge.only = None

    losses = [measure(network) for network in drawn]

    def rise(candidate: Candidate) -> float:
        edge, total = candidate.edge, 0.0
        for network, before in zip(drawn, losses, strict=True):
            other = measure({**network, edge: network[edge] ^ {candidate.name}})
            total += other - before if candidate.name in network[edge] else before - other
        return total / networks

    return rise


@contextmanager
def batch_statistics(module: nn.Module) -> Iterator[None]:
    """Batch norm takes the statistics of each batch, as in training, and learns nothing of them.

    Those that it has learnt do not hold any more once an operation before it is silent.
    """
    module.eval()
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    rates = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, rate in zip(norms, rates, strict=True):
            norm.momentum = rate
        module.eval()


def per_cost(importance: Importance, share: Callable[[Candidate], float]) -> Importance:
    """Importance divided by what the operation costs: what is dear and does little goes first.

    share: of the stage's cost. Of operations that do nothing or harm the dearest goes first.
    """
    return lambda candidate: max(importance(candidate), 1e-9) / (share(candidate) + FREE)


def random_importance(seed: int) -> Importance:
    """For networks drawn at random from the space."""
    generator = torch.Generator().manual_seed(seed)
    return lambda candidate: torch.rand((), generator=generator).item()
