"""What became of a model's operations."""

from collections.abc import Iterable
from typing import Protocol

from rich.table import Table
from rich.text import Text


class Told(Protocol):
    """An operation, where it is, and what became of it."""

    operation: str
    path: str
    line: str
    fate: str


def explanation_table(origins: Iterable[Told]) -> Table:
    """One row for each operation, in the order in which the model computes them."""
    table = Table("operation", "module", "line", "what became of it")
    for origin in origins:
        cells = (origin.operation, origin.path, origin.line, origin.fate)
        table.add_row(*(Text(cell) for cell in cells))
    return table
