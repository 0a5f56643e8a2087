"""What a search for accelerators found."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from .table import table_of

_COLUMNS = ("P x Q x N, W", "accuracy", "images/s", "ms", "LUTs", "BRAM", "DSP", "MHz")
_ENERGY = ("array nJ",)


def front_tables(result: Mapping[str, Any]) -> list[Table]:
    """Designs that no other beats in what was searched for and accuracy, or LUTs (estimated)."""
    found = []
    for key, other in ("front", "accuracy"), ("smaller", "LUTs"):
        if len(result[key]) > 1:
            title = f"No design is better in {result['objective']} and {other}"
            title = f"{title}, {result['device']}, estimated"
            table = table_of(title, ["network"], _columns(result))
            for row in result[key]:
                table.add_row(*_cells(row))
            found.append(table)
    return found


def best_table(result: Mapping[str, Any]) -> Table:
    """The best designs, and what the tools say of those that were routed."""
    title = f"Best {result['objective']} on {result['device']}, estimated"
    table = table_of(title, ["network"], _columns(result))
    for row in result["best"]:
        table.add_row(*_cells(row))
        if "measured" in row:
            table.add_row(*_cells(row | row["measured"] | {"title": "  post-route"}))
    return table


def _columns(result: Mapping[str, Any]) -> tuple[str, ...]:
    return _COLUMNS + _ENERGY * ("energy_nj" in result["best"][0])


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    engines = f", {row['engines']} engines" if row["engines"] > 1 else ""
    return (
        row["title"],
        f"{row['channels']} x {row['positions']} x {row['lanes']}, {row['width']}{engines}",
        f"{row['accuracy']:.2f} %",
        f"{row['images_per_s']:,.0f}",
        f"{row['latency_ms']:.3g}",
        f"{row['routed_lut']:,}",
        f"{row['bram']:,}",
        f"{row['dsp']:,}",
        f"{row['clock_mhz']:.0f}",
        *([f"{row['energy_nj']:,.0f}"] if "energy_nj" in row else []),
    )
