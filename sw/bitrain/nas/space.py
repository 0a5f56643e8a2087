"""The fine-grained space: every layer chooses for itself and begins as the coarse cell."""

import itertools
from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field, field_validator
from torch import nn

from bitrain.models import seeded
from bitrain.spec import BitrainError, Shape

from .genotype import CellGenotype, EdgeChoice, Genotype
from .network import Candidates, Cell, CellNetwork, SpaceConfig, cells_in
from .operations import ACCELERATED, OPERATIONS

Target = Literal["torch", "accelerator"]
"""What derived networks must run on."""


class FineConfig(SpaceConfig):
    """The space of the fine search."""

    operations: tuple[str, ...] = Field(
        default=tuple(name for name in OPERATIONS if name not in ("conv_1x1", "conv_5x5")),
        min_length=1,
    )
    """Alternatives on every edge, beside the inherited operation."""
    target: Target = "torch"

    @field_validator("operations")
    @classmethod
    def _check_operations(cls, operations: tuple[str, ...]) -> tuple[str, ...]:
        for name in operations:
            if name not in OPERATIONS:
                raise ValueError(f"{name!r} is unknown; choose from {list(OPERATIONS)}")
        return operations


def check_space(space: FineConfig, genotype: Genotype) -> None:
    """Raise :class:`BitrainError` for what the target cannot run."""
    for cell in (genotype.normal, genotype.reduction):
        if len(cell.nodes) != space.nodes:
            raise BitrainError(
                f"the genotype has {len(cell.nodes)} nodes a cell and the space {space.nodes}; "
                "make them equal"
            )
    if space.target != "accelerator":
        return
    if space.join != "last":
        raise BitrainError(
            "networks for the accelerator have cells that give their last node; use join: last"
        )
    for name, cell in (("normal", genotype.normal), ("reduction", genotype.reduction)):
        for index, node in enumerate(cell.nodes):
            if problem := _problem(index, node):
                raise BitrainError(f"{name} cell, node {index}: {problem}")
        skips = [(s, i + 2) for i, node in enumerate(cell.nodes) for o, s in node if o == "skip"]
        if any(crosses(*pair) for pair in itertools.combinations(skips, 2)):
            raise BitrainError(f"{name} cell: skips cross; the accelerator runs nested ones")


def crosses(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two skips, each from a state to a state, are neither apart nor one in the other.

    Two into one node count too: the accelerator adds one.
    """
    (start, end), (later, beyond) = sorted((one, other))
    return end == beyond or start < later < end < beyond


def _problem(index: int, node: Sequence[EdgeChoice]) -> str | None:
    """Why the accelerator cannot run a node of the coarse cell."""
    for operation, source in node:
        if operation not in ACCELERATED:
            return f"the accelerator does not run {operation}; choose from {list(ACCELERATED)}"
        if operation not in ("skip", "none") and source != index + 1:
            return f"{operation} reads state {source}; the accelerator reads what came just before"
        if operation == "skip" and not 1 <= source <= index:
            return f"skip reads state {source}; the accelerator skips one node or more of the cell"
    if sum(operation not in ("skip", "none") for operation, _ in node) != 1:
        return "the accelerator runs one convolution for each node"
    return None


def fine_candidates(space: FineConfig, cell: CellGenotype) -> Candidates:
    """Operations on every edge of one layer; the inherited one comes first.

    Edges are those of the coarse cell. For the accelerator every node has an edge from what came
    just before with convolutions, and edges from the states before that, which may be skips.
    """
    if space.target == "torch":
        return {
            (index, source): list(dict.fromkeys([operation, *space.operations, "none"]))
            for index, node in enumerate(cell.nodes)
            for operation, source in node
        }
    found: dict[tuple[int, int], list[str]] = {}
    convolutions = [x for x in space.operations if x in ACCELERATED and x not in ("skip", "none")]
    for index, node in enumerate(cell.nodes):
        inherited = {source: operation for operation, source in node if operation != "skip"}
        skips = {source for operation, source in node if operation == "skip"}
        own = [inherited[index + 1]] if index + 1 in inherited else []
        found[index, index + 1] = list(dict.fromkeys([*own, *convolutions]))
        for source in range(1, index + 1):
            found[index, source] = ["skip", "none"] if source in skips else ["none", "skip"]
    return found


def fine_network(
    space: FineConfig, genotype: Genotype, in_shape: Shape, num_classes: int, *, seed: int = 0
) -> CellNetwork:
    """The super-network, with new weights drawn from ``seed``."""
    cells = genotype.stages(space.cells)

    def candidates(stage: int, index: int) -> Candidates:
        return fine_candidates(space, cells[stage][index])

    with seeded(seed):
        return CellNetwork(space, in_shape, num_classes, candidates)


def inherit_weights(network: CellNetwork, teacher: CellNetwork) -> None:
    """Copy the teacher's operations, stem and head; alphas of inherited ones start higher by 1."""
    known = teacher.state_dict()
    own = network.state_dict()
    fitting = {
        name: tensor
        for name, tensor in known.items()
        if name in own and own[name].shape == tensor.shape and not name.endswith("alpha")
    }
    network.load_state_dict(fitting, strict=False)
    with torch.no_grad():
        for cell, original in zip(cells_in(network), cells_in(teacher), strict=True):
            taken = {(node, source): edge.names for node, source, edge in original.all_edges()}
            for node, source, edge in cell.all_edges():
                names = taken.get((node, source), ["none"])
                for i, name in enumerate(edge.names):
                    edge.alpha[i] += float(name in names)


def cells_of(stage: nn.Module) -> list[CellGenotype]:
    """What is left on the edges of every cell."""
    return [cell_genotype(cell) for cell in cells_in(stage)]


def cell_genotype(cell: Cell) -> CellGenotype:
    """What is left on the edges, without those where nothing is."""
    nodes: list[list[EdgeChoice]] = [[] for _ in range(cell.nodes)]
    for node, source, edge in cell.all_edges():
        nodes[node] += [EdgeChoice(name, source) for name in edge.names if name != "none"]
    return CellGenotype(nodes=tuple(map(tuple, nodes)))
