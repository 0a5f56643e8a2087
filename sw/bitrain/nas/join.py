"""Stages put together, files of weights, and networks of a given number of multiplications."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from zipfile import BadZipFile

import torch
from torch import nn

from bitrain.profile.cost import model_cost
from bitrain.spec import BitrainError, Shape
from bitrain.train.sealed import load_sealed, save_sealed

from .genotype import CellGenotype, Genotype
from .importance import Candidate, keep_only
from .network import CellNetwork, FineGenotype, cells_in, edges_of
from .prune import TOLERANCE, prune_node_wise
from .space import FineConfig, cells_of, fine_network


def save_parts(module: nn.Module, path: Path) -> None:
    """The weights of a network or a stage."""
    save_sealed(module.state_dict(), path)


def load_parts(module: nn.Module, path: Path) -> None:
    """Read what :func:`save_parts` wrote; :class:`BitrainError` if that is not there."""
    try:
        module.load_state_dict(load_sealed(path))
    except (OSError, EOFError, RuntimeError, ValueError, UnpicklingError, BadZipFile) as error:
        raise BitrainError(
            f"{path}: no weights of this network; delete the folder's steps to train again"
        ) from error


def join_stages(network: CellNetwork, teacher: CellNetwork, files: Sequence[Path]) -> None:
    """Give a derived network the weights of its stages, and the teacher's stem and head."""
    for stage, file in zip(network.stages, files, strict=True):
        load_parts(stage, file)
    network.stem.load_state_dict(teacher.stem.state_dict())
    network.head.load_state_dict(teacher.head.state_dict())


def cut_out(
    space: FineConfig,
    genotype: Genotype,
    cells: FineGenotype,
    teacher: CellNetwork,
    files: Sequence[Path],
) -> CellNetwork:
    """The network of these cells with the weights of the super-networks of all stages.

    files: of the super-networks, before anything was removed. Stem and head are the teacher's.
    """
    in_shape, num_classes = teacher.in_shape, teacher.num_classes
    network = fine_network(space, genotype, in_shape, num_classes)
    join_stages(network, teacher, files)
    kept = {
        Candidate(cell, node, source, name)
        for cell, wanted in zip(cells_in(network), itertools.chain(*cells), strict=True)
        for node, edges in enumerate(wanted.nodes)
        for name, source in edges
    }
    keep_only(network, kept.__contains__)
    return network


def node_wise_stages(
    space: FineConfig,
    genotype: Genotype,
    in_shape: Shape,
    num_classes: int,
    *,
    strengths: Sequence[Mapping[str, Mapping[str, float]]],
) -> list[list[CellGenotype]]:
    """What DARTS would keep of the searched super-networks, from the strengths that they had."""
    network = fine_network(space, genotype, in_shape, num_classes)
    found = []
    for stage, table in zip(network.stages, strengths, strict=True):
        for path, edge in edges_of(stage):
            edge.alpha = nn.Parameter(torch.tensor([table[path][x] for x in edge.names]).log())
        prune_node_wise(stage)
        found.append(cells_of(stage))
    return found


def scaled_to(
    make: Callable[[FineConfig], CellNetwork], space: FineConfig, in_shape: Shape, macs: int
) -> CellNetwork:
    """The network that ``make`` gives with widths scaled to come nearest to ``macs``.

    Within 5 % they stay as they are. Else all are scaled alike; then each may change by one channel
    more or less, where that comes nearer.
    """
    # Whole channels for each node.
    unit = space.nodes if space.join == "concat" else 1
    units = [width / unit for width in space.widths]

    def with_widths(numbers: Sequence[float]) -> FineConfig:
        return space.model_copy(update={"widths": tuple(round(unit * x) for x in numbers)})

    def distance(numbers: Sequence[float]) -> int:
        with torch.device("meta"):
            return model_cost(make(with_widths(numbers)), in_shape).macs - macs

    def scaled(step: int) -> list[int]:
        return [max(1, round(number * step / max(units))) for number in units]

    if abs(distance(units)) <= TOLERANCE * macs:
        return make(space)
    low, high = 1, 2
    while distance(scaled(high)) < 0:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if distance(scaled(middle)) < 0 else (low, middle)
    near = min((scaled(low), scaled(high)), key=lambda numbers: abs(distance(numbers)))
    choices = [(n, n + 1, n - 1) if n > 1 else (n, n + 1) for n in near]
    best = min(itertools.product(*choices), key=lambda numbers: abs(distance(numbers)))
    return make(with_widths(best))
