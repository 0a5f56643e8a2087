"""The table of streams against integers."""

from typing import Any

from rich.table import Table


def arithmetic_table(result: dict[str, Any]) -> Table:
    """Streams against integers: a row for each precision and arithmetic."""
    size = f"{result['channels']} x {result['positions']} neurons"
    title = f"{result['circuit']} of {size} on {result['device']}, {result['tag']}"
    table = Table(title=title)
    for column in ("n", "L"):
        table.add_column(column, justify="right")
    table.add_column("arithmetic")
    for column in ("N", "LUT4", "MHz", "cycles", "images/s", "images/s per 1,000 LUT4", "accuracy"):
        table.add_column(column, justify="right")
    for row in result["rows"]:
        table.add_row(
            str(row["bits"]),
            str(row["stream_length"]),
            row["arithmetic"],
            str(row["lanes"]),
            f"{row['lut']:,}",
            f"{row.get('clock_mhz', result['clock_mhz']):.1f}",
            f"{row['image_cycles']:,}",
            f"{row['images_per_s']:,.0f}",
            f"{row['images_per_s_per_klut']:,.0f}",
            "" if row["accuracy"] is None else f"{row['accuracy']:.2f} %",
        )
    return table
