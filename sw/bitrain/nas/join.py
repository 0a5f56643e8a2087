"""Stages put together, files of weights, and networks of a given number of multiplications."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import torch
from torch import nn

from bitrain.nn import model_cost
from bitrain.spec import BitrainError, Shape, write_atomically

from .genotype import CellGenotype, Genotype
from .network import CellNetwork, Stage, edges_of
from .prune import prune_node_wise
from .space import FineConfig, cell_genotype, fine_network


def save_parts(module: nn.Module, path: Path) -> None:
    """The weights of a network or a stage."""
    buffer = BytesIO()
    torch.save(module.state_dict(), buffer)
    write_atomically(path, buffer.getvalue())


def load_parts(module: nn.Module, path: Path) -> None:
    """Read what :func:`save_parts` wrote; :class:`BitrainError` if that is not there."""
    try:
        module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, ValueError) as error:
        raise BitrainError(
            f"{path}: no weights of this network; delete the folder's steps to train again"
        ) from error


def join_stages(network: CellNetwork, teacher: CellNetwork, files: Sequence[Path]) -> None:
    """Give a derived network the weights of its stages, and the teacher's stem and head."""
    for stage, file in zip(network.stages, files, strict=True):
        load_parts(stage, file)
    network.stem.load_state_dict(teacher.stem.state_dict())
    network.head.load_state_dict(teacher.head.state_dict())


def node_wise_stages(
    space: FineConfig,
    genotype: Genotype,
    in_shape: Shape,
    num_classes: int,
    *,
    strengths: Sequence[Mapping[str, Mapping[str, float]]],
    inputs: int = 2,
) -> list[list[CellGenotype]]:
    """What DARTS would keep of the searched super-networks, from the strengths that they had."""
    network = fine_network(space, genotype, in_shape, num_classes)
    found = []
    for stage, table in zip(network.stages, strengths, strict=True):
        for path, edge in edges_of(stage):
            edge.alpha = nn.Parameter(torch.tensor([table[path][x] for x in edge.names]).log())
        prune_node_wise(stage, inputs)
        assert isinstance(stage, Stage)
        found.append([cell_genotype(cell) for cell in stage.cells])
    return found


def scaled_to(
    make: Callable[[FineConfig], CellNetwork], space: FineConfig, in_shape: Shape, macs: int
) -> CellNetwork:
    """The network that ``make`` gives with all widths scaled to come nearest to ``macs``."""

    def widths(first: int) -> tuple[int, ...]:
        # Of whole channels for each node.
        unit = space.nodes if space.join == "concat" else 1
        scale = first / space.widths[0]
        return tuple(max(1, round(width * scale / unit)) * unit for width in space.widths)

    best: tuple[int, CellNetwork] | None = None
    for first in range(space.nodes, 4 * space.widths[0] + 1):
        network = make(space.model_copy(update={"widths": widths(first)}))
        found = model_cost(network, in_shape).macs
        if best is None or abs(found - macs) < best[0]:
            best = abs(found - macs), network
        if found > macs:
            break
    assert best is not None
    return best[1]
