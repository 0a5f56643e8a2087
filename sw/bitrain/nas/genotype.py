"""What a cell is, without its weights: a graph of operations, as JSON values."""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from bitrain.runner.config import Section

from .operations import OPERATIONS


class EdgeChoice(NamedTuple):
    """An operation on what state ``source`` holds: 0 and 1 are the cell's inputs, 2 … its nodes."""

    operation: str
    source: int


Node = Annotated[tuple[EdgeChoice, ...], Field(min_length=1)]


class CellGenotype(Section):
    """The edges of every node."""

    nodes: tuple[Node, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _possible(self) -> "CellGenotype":
        for index, node in enumerate(self.nodes):
            for operation, source in node:
                if operation not in OPERATIONS:
                    raise ValueError(
                        f"node {index}: {operation!r} is unknown; choose from {list(OPERATIONS)}"
                    )
                if not 0 <= source < index + 2:
                    raise ValueError(
                        f"node {index}: state {source} is not one of 0 … {index + 1} before it"
                    )
        return self


class Genotype(Section):
    """The two cells of a coarse network."""

    normal: CellGenotype
    reduction: CellGenotype

    def stages(self, cells: Sequence[int]) -> list[list[CellGenotype]]:
        """Cells of every stage, ``cells`` of them in each; all but the first begin by reducing."""
        return [
            [self.reduction if stage and not index else self.normal for index in range(count)]
            for stage, count in enumerate(cells)
        ]


def _cell(*nodes: tuple[tuple[str, int], ...]) -> CellGenotype:
    return CellGenotype(nodes=tuple(tuple(EdgeChoice(*edge) for edge in node) for node in nodes))


DARTS_V2 = Genotype(
    normal=_cell(
        (("sep_conv_3x3", 0), ("sep_conv_3x3", 1)),
        (("sep_conv_3x3", 0), ("sep_conv_3x3", 1)),
        (("sep_conv_3x3", 1), ("skip", 0)),
        (("skip", 0), ("dil_conv_3x3", 2)),
    ),
    reduction=_cell(
        (("max_pool_3x3", 0), ("max_pool_3x3", 1)),
        (("skip", 2), ("max_pool_3x3", 1)),
        (("max_pool_3x3", 0), ("skip", 2)),
        (("skip", 2), ("max_pool_3x3", 1)),
    ),
)
"""H. Liu et al., arXiv:1806.09055, figures 4 and 5."""

RESIDUAL = Genotype(
    normal=_cell((("conv_3x3", 1),), (("conv_3x3", 2), ("skip", 1))),
    reduction=_cell((("conv_3x3", 1),), (("conv_3x3", 2), ("skip", 1))),
)
"""The basic block of K. He et al., arXiv:1512.03385, which the accelerator runs."""

KNOWN: dict[str, Genotype] = {"darts_v2": DARTS_V2, "residual": RESIDUAL}
Join = Literal["concat", "last"]
"""What a cell gives: its nodes side by side, or its last node."""
