"""From a super-network to a network: operations are removed over a whole stage at a time.

Those of all the stage's layers that matter least for what they cost go first, some in each round,
with training in between, until the budget is met. So a node keeps as many inputs as it needs: one,
many, or several operations on one edge. Derivation node by node, as in DARTS, is here to compare
with.
"""

import math
from collections.abc import Callable
from typing import Literal

from pydantic import Field
from torch import nn

from bitrain.runner.config import Section
from bitrain.spec import BitrainError

from .importance import SKIPS, Candidate, Importance, candidates_of, keep_only
from .network import cells_in, edges_of
from .penalty import CostModel
from .space import Target, crosses

TOLERANCE = 0.05
"""How far below the budget a network may end."""


class PruneConfig(Section):
    """How a stage is pruned."""

    budget: float = Field(default=0.5, gt=0)
    """Multiplications, as a share of the teacher's stage."""
    share: float = Field(default=0.3, gt=0, le=1)
    """Share of the operations left that goes in each round."""
    importance: Literal["sampled", "strength"] = "sampled"
    """Importance of an operation: how much higher the objective is without it in networks within
    the budget (see ``sample``), or its share of its edge."""
    networks: int = Field(default=64, ge=2)
    """That are drawn in each round."""


def is_needed(candidate: Candidate, target: Target) -> bool:
    """Whether without it its node would have no input, or what it reads no reader.

    For the accelerator the input of a node is a convolution.
    """
    ignored = ("none",) if target == "torch" else SKIPS
    if candidate.name in ignored:
        return False
    cell, source = candidate.cell, candidate.source
    inputs = [name for _, edge in cell.into(candidate.node) for name in edge.names]
    if sum(name not in ignored for name in inputs) == 1:
        return True
    if cell.join == "concat" or source < 2:
        return False
    readers = (edge.names for _, read, edge in cell.all_edges() if read == source)
    return sum(name != "none" for names in readers for name in names) == 1


def prune_round(
    stage: nn.Module,
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
    macs = _macs_of(stage, costs)
    found = [(importance(candidate), candidate) for candidate in candidates_of(stage)]
    ranked = [candidate for _, candidate in sorted(found, key=lambda pair: pair[0])]
    quota = math.ceil(config.share * len(ranked))
    # Where none of the least important ones can go, one of the others goes in their place; where
    # all that is left goes far below the budget, the least important one goes.
    for among, most, lowest in (
        (ranked[:quota], quota, (1 - TOLERANCE) * limit),
        ([x for x in ranked if macs(x)], 1, (1 - TOLERANCE) * limit),
        (ranked, 1, 0.0),
    ):
        removed = 0
        for candidate in among:
            if removed == most or is_settled(stage, costs, limit, target):
                break
            if is_needed(candidate, target) or least_macs(stage, costs, target, candidate) > limit:
                continue
            left = costs.total(stage).macs - macs(candidate)
            doubled = target == "accelerator" and _is_doubled(candidate)
            if left >= lowest or doubled:
                candidate.remove()
                removed += 1
        if removed or is_settled(stage, costs, limit, target):
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
    stage: nn.Module, costs: CostModel, target: Target, without: Candidate | None = None
) -> float:
    """Multiplications if every node kept only the cheapest operations that it needs."""
    macs_of = _macs_of(stage, costs)
    left = [
        (macs_of(candidate), candidate)
        for candidate in candidates_of(stage)
        if candidate != without and not (target == "accelerator" and candidate.name in SKIPS)
    ]
    left.sort(key=lambda pair: pair[0])
    readers: dict[tuple[int, int], tuple[float, Candidate]] = {}
    for macs, candidate in left:
        if candidate.cell.join == "last" and candidate.source >= 2:
            readers.setdefault((id(candidate.cell), candidate.source), (macs, candidate))
    total = sum(macs for macs, _ in readers.values())
    fed = {(id(candidate.cell), candidate.node) for _, candidate in readers.values()}
    for macs, candidate in left:
        node = id(candidate.cell), candidate.node
        if node not in fed:
            fed.add(node)
            total += macs
    return total


def is_settled(stage: nn.Module, costs: CostModel, limit: float, target: Target) -> bool:
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
        edges = candidate.cell.all_edges()
        skips = [(source, node + 2) for node, source, edge in edges if "skip" in edge.names]
        return any(crosses(span, other) for other in skips if other != span)
    edges = candidate.cell.into(candidate.node)
    return sum(name not in SKIPS for _, edge in edges for name in edge.names) > 1


def _macs_of(stage: nn.Module, costs: CostModel) -> Callable[[Candidate], float]:
    """Multiplications of an operation."""
    paths = {edge: path for path, edge in edges_of(stage)}
    return lambda candidate: costs.operations[paths[candidate.edge]][candidate.name].macs


def clean(stage: nn.Module) -> None:
    """Take out what does nothing, and edges that are left with nothing."""
    keep_only(stage, lambda candidate: candidate.name != "none")


def prune_node_wise(stage: nn.Module, inputs: int = 2) -> None:
    """What DARTS does: each node keeps its strongest ``inputs`` edges with one operation each."""
    kept: set[Candidate] = set()
    for cell in cells_in(stage):
        for node in range(cell.nodes):
            ranked = []
            for source, edge in cell.into(node):
                shares = edge.shares()
                shares.pop("none", None)
                if shares:
                    best = max(shares, key=lambda name: shares[name])
                    ranked.append((shares[best], source, best))
            for _, source, name in sorted(ranked, reverse=True)[:inputs]:
                kept.add(Candidate(cell, node, source, name))
    keep_only(stage, kept.__contains__)
