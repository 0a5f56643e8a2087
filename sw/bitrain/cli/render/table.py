"""An empty table with its columns."""

from collections.abc import Iterable

from rich.table import Table


def table_of(title: str, words: Iterable[str], numbers: Iterable[str] = ()) -> Table:
    """Columns of ``words``, then those of ``numbers``, which are aligned to the right."""
    table = Table(title=title)
    for column in words:
        table.add_column(column)
    for column in numbers:
        table.add_column(column, justify="right")
    return table
