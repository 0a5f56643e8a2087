"""Operations of a super-network that may be removed, and orders in which they may go."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import nn

from .network import Cell, Edge, cells_in

SKIPS = ("skip", "none")


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
        for cell in cells_in(stage)
        for node, source, edge in cell.all_edges()
        for name in edge.names
        if name != "none"
    ]


def keep_only(module: nn.Module, is_kept: Callable[[Candidate], bool]) -> None:
    """Remove all other operations, ``none`` among them, and edges that are left with nothing."""
    for cell in cells_in(module):
        for node, source, edge in cell.all_edges():
            for candidate in [Candidate(cell, node, source, name) for name in edge.names]:
                if not is_kept(candidate):
                    candidate.remove()


def strength(candidate: Candidate) -> float:
    """The operation's share of its edge."""
    return candidate.edge.shares()[candidate.name]


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


def random_importance(seed: int) -> Importance:
    """For networks drawn at random from the space."""
    generator = torch.Generator().manual_seed(seed)
    return lambda candidate: torch.rand((), generator=generator).item()
