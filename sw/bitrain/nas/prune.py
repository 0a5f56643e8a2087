"""From a super-network to a network: operations are removed over a whole stage at a time.

The least important ones of all the stage's layers go first, some in each round, with training in
between, until the budget is met. So a node keeps as many inputs as it needs: one, many, or several
operations on one edge. Derivation node by node, as in DARTS, is here to compare with.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from bitrain.spec import BitrainError

from .network import Cell, Edge, Stage
from .penalty import CostModel
from .space import Target, crosses

SKIPS = ("skip", "none")
TOLERANCE = 0.05
"""How far below the budget a network may end."""


class PruneConfig(BaseModel):
    """How a stage is pruned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget: float = Field(default=0.5, gt=0)
    """Multiplications, as a share of the teacher's stage."""
    share: float = Field(default=0.3, gt=0, le=1)
    """Of the operations left, how many go in each round."""
    importance: Literal["strength", "masked"] = "strength"
    """Share of its edge; or how much the loss rises without the operation."""


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


def is_needed(candidate: Candidate, target: Target) -> bool:
    """Whether its node would be left without any, for the accelerator without a convolution."""
    ignored = ("none",) if target == "torch" else SKIPS
    if candidate.name in ignored:
        return False
    own = [name for _, edge in candidate.cell.into(candidate.node) for name in edge.names]
    return sum(name not in ignored for name in own) == 1


def strength(candidate: Candidate) -> float:
    """The operation's share of its edge."""
    edge = candidate.edge
    return edge.strengths()[edge.names.index(candidate.name)].item()


def masked_rise(loss: Callable[[], float]) -> Importance:
    """Importance by what ``loss`` gives while the operation gives zeros."""

    def rise(candidate: Candidate) -> float:
        operation = candidate.edge.operations[candidate.name]
        hook = operation.register_forward_hook(_silence)
        try:
            return loss()
        finally:
            hook.remove()

    return rise


def _silence(operation: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    return torch.zeros_like(output)


def random_importance(seed: int) -> Importance:
    """For networks drawn at random from the space."""
    generator = torch.Generator().manual_seed(seed)
    return lambda candidate: torch.rand((), generator=generator).item()


def prune_round(
    stage: Stage,
    costs: CostModel,
    limit: float,
    config: PruneConfig,
    importance: Importance,
    *,
    target: Target = "torch",
) -> bool:
    """Remove one round's operations; returns whether the stage is within ``limit`` now.

    limit: multiplications of an image. An operation whose loss would take the stage far below the
    limit stays, and others go in its place. Raises :class:`BitrainError` if none can go.
    """
    found = [(importance(candidate), candidate) for candidate in candidates_of(stage)]
    ranked = [candidate for _, candidate in sorted(found, key=lambda pair: pair[0])]
    quota = math.ceil(config.share * len(ranked))
    removed = 0
    # Where only removals are left that go far below the budget, the least important one goes.
    for may_go_below in (False, True):
        for candidate in ranked:
            if removed == quota or is_settled(stage, costs, limit, target):
                break
            if is_needed(candidate, target) or least_macs(stage, costs, target, candidate) > limit:
                continue
            left = costs.total(stage).macs - _macs(stage, costs, candidate)
            below = left < (1 - TOLERANCE) * limit
            doubled = target == "accelerator" and _is_doubled(candidate)
            if below and not (may_go_below or doubled):
                continue
            candidate.remove()
            removed += 1
            if may_go_below:
                break
        if removed:
            break
    if is_settled(stage, costs, limit, target):
        clean(stage)
        return True
    if not removed:
        raise BitrainError(
            f"a stage of {costs.total(stage).macs:,.0f} multiplications cannot be pruned to "
            f"{limit:,.0f}: every node needs an operation; raise the budget, or offer cheaper ones"
        )
    return False


def least_macs(
    stage: Stage, costs: CostModel, target: Target, without: Candidate | None = None
) -> float:
    """Multiplications if every node kept only its cheapest operation."""
    least: dict[tuple[int, int], float] = {}
    for candidate in candidates_of(stage):
        if target == "accelerator" and candidate.name in SKIPS:
            continue
        if without is None or candidate != without:
            key = id(candidate.cell), candidate.node
            own = _macs(stage, costs, candidate)
            least[key] = min(own, least.get(key, own))
    return sum(least.values())


def is_settled(stage: Stage, costs: CostModel, limit: float, target: Target) -> bool:
    """Whether the budget is met and the target can run what is left."""
    if costs.total(stage).macs > limit:
        return False
    return target == "torch" or not any(map(_is_doubled, candidates_of(stage)))


def _is_doubled(candidate: Candidate) -> bool:
    """Whether the accelerator cannot run it together with another one of its cell.

    It runs one convolution for each node, and skips that do not cross.
    """
    if candidate.name in SKIPS:
        span = candidate.source, candidate.node + 2
        return any(crosses(span, other) for other in _skips(candidate.cell) if other != span)
    edges = candidate.cell.into(candidate.node)
    return sum(name not in SKIPS for _, edge in edges for name in edge.names) > 1


def _skips(cell: Cell) -> list[tuple[int, int]]:
    """States that skips lead from and to."""
    return [
        (source, node + 2)
        for node in range(cell.nodes)
        for source, edge in cell.into(node)
        if "skip" in edge.names
    ]


def _macs(stage: Stage, costs: CostModel, candidate: Candidate) -> float:
    path = next(name for name, part in stage.named_modules() if part is candidate.edge)
    return costs.operations[path][candidate.name].macs


def clean(stage: nn.Module) -> None:
    """Take out what does nothing, and edges that are left with nothing."""
    for cell in stage.modules():
        if not isinstance(cell, Cell):
            continue
        for node in range(cell.nodes):
            for source, edge in cell.into(node):
                if edge.names == ["none"]:
                    del cell.edges[f"{node}_{source}"]
                elif "none" in edge.names:
                    edge.remove("none")


def prune_node_wise(stage: nn.Module, inputs: int = 2) -> None:
    """What DARTS does: each node keeps its strongest ``inputs`` edges with one operation each."""
    for cell in stage.modules():
        if not isinstance(cell, Cell):
            continue
        for node in range(cell.nodes):
            ranked = []
            for source, edge in cell.into(node):
                shares = dict(zip(edge.names, edge.strengths().tolist(), strict=True))
                shares.pop("none", None)
                if shares:
                    best = max(shares, key=lambda name: shares[name])
                    ranked.append((shares[best], source, best))
            kept = {source: name for _, source, name in sorted(ranked, reverse=True)[:inputs]}
            for source, edge in cell.into(node):
                if source not in kept:
                    del cell.edges[f"{node}_{source}"]
                    continue
                for name in edge.names:
                    if name != kept[source]:
                        edge.remove(name)
