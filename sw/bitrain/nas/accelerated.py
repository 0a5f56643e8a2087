"""Derived networks as the accelerator reads them: rows of convolutions with shortcuts."""

from torch import nn

from bitrain.models import Residual
from bitrain.spec import BitrainError

from .importance import SKIPS
from .network import Cell, CellNetwork, cells_in


def to_sequential(network: CellNetwork) -> nn.Sequential:
    """The same network, sharing its weights, for :func:`bitrain.frontend.read_chain`.

    Raises :class:`BitrainError` naming the cell whose graph the accelerator does not run.
    """
    modules: list[nn.Module] = list(network.stem)
    for number, stage in enumerate(network.stages):
        for index, cell in enumerate(cells_in(stage)):
            modules.append(_cell(cell, f"stage {number}, cell {index}"))
    return nn.Sequential(*modules, *network.head)


def _cell(cell: Cell, name: str) -> nn.Sequential:
    if cell.join != "last" and cell.nodes > 1:
        raise BitrainError(f"{name}: gives its nodes side by side; search with join: last")
    # What leads from state 1 to each state so far, from state 1 on.
    rows: list[list[nn.Module]] = [[]]
    for node in range(cell.nodes):
        convolution: nn.Module | None = None
        skip: tuple[int, nn.Module] | None = None
        for source, edge in cell.into(node):
            if len(edge.names) != 1:
                raise BitrainError(f"{name}, node {node}: several operations on an edge")
            (operation,) = edge.operations.values()
            if edge.names[0] in SKIPS:
                twice, skip = skip is not None, (source, operation)
            else:
                twice, convolution = convolution is not None, operation
            if twice or source < 1 or (edge.names[0] not in SKIPS and source != node + 1):
                raise BitrainError(
                    f"{name}, node {node}: the accelerator runs one convolution of what came just "
                    "before and one shortcut; search with target: accelerator"
                )
        rows.append(_node(name, rows, convolution, skip))
    return nn.Sequential(*rows[-1])


def _node(
    name: str,
    rows: list[list[nn.Module]],
    convolution: nn.Module | None,
    skip: tuple[int, nn.Module] | None,
) -> list[nn.Module]:
    before = rows[-1]
    if convolution is None:
        assert skip is not None
        source, operation = skip
        # A ReLU of what is not negative changes nothing.
        return [*rows[source - 1], operation]
    own = list(convolution) if isinstance(convolution, nn.Sequential) else [convolution]
    if skip is None:
        return [*before, *own, nn.ReLU()]
    source, operation = skip
    start = rows[source - 1]
    if [id(module) for module in before[: len(start)]] != [id(module) for module in start]:
        raise BitrainError(
            f"{name}: shortcuts cross; the accelerator runs those that lie inside each other"
        )
    body = nn.Sequential(*before[len(start) :], *own)
    return [*start, Residual(body, operation)]
