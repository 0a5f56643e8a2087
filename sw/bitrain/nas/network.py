"""Networks of cells: super-networks, coarse networks and what is derived from them are one class.

An edge holds one operation or many. With many it is a mixed operation: their sum, weighted by a
softmax over architecture parameters (H. Liu et al., arXiv:1806.09055).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import reduce
from itertools import compress
from typing import Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from bitrain.models import seeded
from bitrain.runner.config import Section
from bitrain.spec import Shape

from .genotype import CellGenotype, Genotype, Join
from .operations import build_operation

Candidates = Mapping[tuple[int, int], Sequence[str]]
"""Names of operations on each edge (node, source) of a cell."""
FineGenotype = Sequence[Sequence[CellGenotype]]
"""Cells of every stage."""


class SpaceConfig(Section):
    """The frame of all networks of a search."""

    widths: tuple[PositiveInt, ...] = Field(default=(16, 32, 64), min_length=1)
    """Channels of each stage; every stage but the first begins with a reduction cell."""
    cells: tuple[PositiveInt, ...] = (2, 2, 2)
    """Number of cells of each stage."""
    nodes: int = Field(default=2, ge=1)
    """Number of nodes of each cell."""
    join: Join = "concat"
    stem_stride: int = Field(default=1, ge=1)
    """Stride of the convolution before the first stage."""

    @model_validator(mode="after")
    def _check_stages(self) -> Self:
        if len(self.widths) != len(self.cells):
            raise ValueError(
                f"{len(self.widths)} widths for {len(self.cells)} numbers of cells; give one of "
                "each for every stage"
            )
        return self


class Edge(nn.Module):
    """A mixed operation; with one operation left it is that operation.

    drop: probability with which an operation is left out of a training step, never all of an edge
    (G. Bender et al., *Understanding and simplifying one-shot architecture search*, 2018): each
    learns to do without the others, so that what is lost without one says what it is worth.
    only: names of the operations that take part where that is not drawn; all of them if None.
    partial: only one in so many channels goes through the operations, the others past them, to save
    memory in a search (Y. Xu et al., *PC-DARTS*, arXiv:1907.05737); where the width stays.
    """

    def __init__(
        self,
        names: Sequence[str],
        in_channels: int,
        out_channels: int,
        stride: int,
        *,
        partial: int = 1,
    ):
        super().__init__()
        self.drop = 0.0
        self.only: Collection[str] | None = None
        self.partial = partial if (in_channels, stride) == (out_channels, 1) else 1
        self.sizes = (in_channels // self.partial, out_channels // self.partial, stride)
        self.operations = nn.ModuleDict({x: build_operation(x, *self.sizes) for x in names})
        self.alpha = nn.Parameter(1e-3 * torch.randn(len(names)))

    @property
    def names(self) -> list[str]:
        """Names of the operations that are left, in the order of ``alpha``."""
        return list(self.operations)

    def strengths(self) -> Tensor:
        """Share of each operation: (operations,)."""
        return self.alpha.softmax(0)

    def shares(self) -> dict[str, float]:
        """Share of each operation by its name."""
        return dict(zip(self.names, self.strengths().tolist(), strict=True))

    def forward(self, inputs: Tensor) -> Tensor:
        """What the operations make of the inputs, weighted."""
        if self.partial == 1:
            return self._mix(inputs)
        taken, past = inputs[:, : self.sizes[0]], inputs[:, self.sizes[0] :]
        mixed = torch.cat([self._mix(taken), past], 1)
        # Shuffled, so that other channels are taken next time.
        return mixed.unflatten(1, (self.partial, -1)).transpose(1, 2).flatten(1, 2)

    def _mix(self, inputs: Tensor) -> Tensor:
        kept = self._kept()
        operations = list(compress(self.operations.values(), kept))
        if not operations:
            return 0 * next(iter(self.operations.values()))(inputs)
        if len(kept) == 1:
            return operations[0](inputs)
        shares = self.alpha[[i for i, keep in enumerate(kept) if keep]].softmax(0)
        # One after the other: side by side they would need the memory of all.
        total = shares[0] * operations[0](inputs)
        for share, operation in zip(shares[1:], operations[1:], strict=True):
            total = total + share * operation(inputs)
        return total

    def _kept(self) -> list[bool]:
        if self.training and self.drop:
            drawn = self.draw(self.drop)
            return [name in drawn for name in self.names]
        return [self.only is None or name in self.only for name in self.names]

    def draw(self, drop: float) -> frozenset[str]:
        """Names of the operations that take part, at random; one at least."""
        kept = torch.rand(len(self.operations)) >= drop
        kept[torch.randint(len(kept), ())] = True
        return frozenset(compress(self.names, kept.tolist()))

    def remove(self, name: str) -> None:
        """Take an operation out; the shares of the others rise to one."""
        kept = [i for i, other in enumerate(self.names) if other != name]
        del self.operations[name]
        self.alpha = nn.Parameter(self.alpha.detach()[kept])


class Cell(nn.Module):
    """Nodes that sum their edges and apply a ReLU; states 0 and 1 are the cell's inputs."""

    def __init__(
        self,
        candidates: Candidates,
        nodes: int,
        in_channels: tuple[int, int],
        out_channels: int,
        *,
        stride: int = 1,
        join: Join = "concat",
        partial: int = 1,
    ):
        super().__init__()
        self.nodes, self.join, self.stride = nodes, join, stride
        width = out_channels // nodes if join == "concat" else out_channels
        self.out_channels = width * nodes if join == "concat" else width
        self.edges = nn.ModuleDict()
        for (node, source), names in sorted(candidates.items()):
            channels = in_channels[source] if source < 2 else width
            step = stride if source < 2 else 1
            self.edges[f"{node}_{source}"] = Edge(names, channels, width, step, partial=partial)

    def into(self, node: int) -> list[tuple[int, Edge]]:
        """Sources and edges of a node."""
        names = {f"{node}_{source}": source for source in range(node + 2)}
        edges = ((source, self.edges[name]) for name, source in names.items() if name in self.edges)
        return [(source, edge) for source, edge in edges if isinstance(edge, Edge)]

    def all_edges(self) -> list[tuple[int, int, Edge]]:
        """Node, source and edge, in order."""
        nodes = range(self.nodes)
        return [(node, source, edge) for node in nodes for source, edge in self.into(node)]

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Outputs of the two cells before to the output of this one."""
        states = [first, second]
        for node in range(self.nodes):
            terms = [edge(states[source]) for source, edge in self.into(node)]
            states.append(reduce(torch.add, terms).relu())
        return torch.cat(states[2:], 1) if self.join == "concat" else states[-1]


class Stage(nn.Module):
    """Cells of one resolution; both inputs of the first are the stage's input.

    After a reduction cell both inputs are its output: a stage is a function of one activation, so
    that it can be searched alone.
    """

    def __init__(self, cells: Sequence[Cell]):
        super().__init__()
        self.cells = nn.ModuleList(cells)

    def outputs(self, inputs: Tensor) -> list[Tensor]:
        """What every cell gives."""
        found: list[Tensor] = []
        first = second = inputs
        for cell in self.cells:
            assert isinstance(cell, Cell)
            found.append(cell(first, second))
            first, second = (found[-1] if cell.stride > 1 else second), found[-1]
        return found

    def forward(self, inputs: Tensor) -> Tensor:
        """The stage's input to the last cell's output."""
        return self.outputs(inputs)[-1]


class Stages(Stage):
    """All stages of a network as one, to search them together."""

    def __init__(self, stages: nn.ModuleList):
        super().__init__([])
        self.stages = stages

    def outputs(self, inputs: Tensor) -> list[Tensor]:
        """What every cell gives."""
        found: list[Tensor] = []
        for stage in self.stages:
            assert isinstance(stage, Stage)
            found += stage.outputs(found[-1] if found else inputs)
        return found


class CellNetwork(nn.Module):
    """Stem, stages and head."""

    def __init__(
        self,
        space: SpaceConfig,
        in_shape: Shape,
        num_classes: int,
        candidates: Callable[[int, int], Candidates],
        *,
        partial: int = 1,
    ):
        """candidates: of stage and cell. partial: see :class:`Edge`."""
        super().__init__()
        self.in_shape, self.num_classes = in_shape, num_classes
        self.widths = list(space.widths)
        channels = space.widths[0]
        first = (in_shape.channels, channels, 3, space.stem_stride)
        conv = nn.Conv2d(*first, padding=1, bias=False)
        self.stem = nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU())
        stages = []
        for stage, (width, count) in enumerate(zip(space.widths, space.cells, strict=True)):
            cells, before = [], channels
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                form = (candidates(stage, index), space.nodes, (before, channels), width)
                cell = Cell(*form, stride=stride, join=space.join, partial=partial)
                cells.append(cell)
                before = cell.out_channels if stride > 1 else channels
                channels = cell.out_channels
            stages.append(Stage(cells))
        self.stages = nn.ModuleList(stages)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images to scores (batch, classes)."""
        activations = self.stem(images)
        for stage in self.stages:
            activations = stage(activations)
        return self.head(activations)

    def parts(self) -> list[nn.Module]:
        """Stem, stages and head, in order."""
        return [self.stem, *self.stages, self.head]


class JoinedNetwork(CellNetwork):
    """The same network, sharing its modules, with its stages as one."""

    def __init__(self, network: CellNetwork):
        nn.Module.__init__(self)
        self.in_shape, self.num_classes = network.in_shape, network.num_classes
        self.widths = network.widths
        self.stem, self.head = network.stem, network.head
        self.stages = nn.ModuleList([Stages(network.stages)])


def edges_of(module: nn.Module) -> Iterator[tuple[str, Edge]]:
    """Every edge below a module, with its path."""
    for name, part in module.named_modules():
        if isinstance(part, Edge):
            yield name, part


def cells_in(module: nn.Module) -> list[Cell]:
    """Every cell below a module, in order."""
    return [part for part in module.modules() if isinstance(part, Cell)]


def from_genotype(cell: CellGenotype) -> Candidates:
    """The operations that the genotype has on each edge."""
    found: dict[tuple[int, int], list[str]] = {}
    for node, edges in enumerate(cell.nodes):
        for operation, source in edges:
            found.setdefault((node, source), []).append(operation)
    return found


def coarse_network(
    space: SpaceConfig, genotype: Genotype, in_shape: Shape, num_classes: int, *, seed: int = 0
) -> CellNetwork:
    """All cells alike, but for the reductions; weights are drawn from ``seed``."""
    cells = genotype.stages(space.cells)
    return derived_network(space, cells, in_shape, num_classes, seed=seed)


def derived_network(
    space: SpaceConfig, cells: FineGenotype, in_shape: Shape, num_classes: int, *, seed: int = 0
) -> CellNetwork:
    """The network of these cells, with weights drawn from ``seed``."""
    with seeded(seed):
        return CellNetwork(
            space, in_shape, num_classes, lambda stage, index: from_genotype(cells[stage][index])
        )
