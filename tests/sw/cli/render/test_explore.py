"""Tables of a search: fronts, the best, and what was measured below what was estimated."""

import io
from typing import Any

from rich.console import Console

from bitrain.cli.render.explore import best_table, front_tables

ROW = {
    "title": "streams, n = 4, L = 16",
    "channels": 8,
    "positions": 4,
    "lanes": 64,
    "width": 4,
    "engines": 1,
    "accuracy": 99.35,
    "images_per_s": 9117.4,
    "latency_ms": 0.10701,
    "routed_lut": 13389,
    "bram": 43,
    "dsp": 0,
    "clock_mhz": 80.94,
}


def text_of(tables: Any) -> str:
    lines = io.StringIO()
    for table in tables:
        Console(file=lines, width=140).print(table)
    return lines.getvalue()


def cells(text: str, start: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"│ {start}")]
    return [cell.strip() for cell in line.split("│")[1:-1]]


def result(best: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    parts = {"objective": "images/s", "device": "ecp5-25k", "front": [], "smaller": []}
    return parts | {"best": best} | more


def test_the_best():
    measured = {"images_per_s": 11228.0, "routed_lut": 13811, "clock_mhz": 99.7, "ff": 14292}
    text = text_of([best_table(result([ROW | {"measured": measured}]))])
    assert "Best images/s on ecp5-25k, estimated" in text
    values = ["8 x 4 x 64, 4", "99.35 %", "9,117", "0.107", "13,389", "43", "0", "81"]
    assert cells(text, "streams") == ["streams, n = 4, L = 16", *values]
    assert cells(text, "  post-route")[3:] == ["11,228", "0.107", "13,811", "43", "0", "100"]
    assert "nJ" not in text


def test_engines_and_energy():
    row = ROW | {"engines": 2, "energy_nj": 936.2}
    text = text_of([best_table(result([row]))])
    assert cells(text, "streams")[1] == "8 x 4 x 64, 4, 2 engines"
    assert "array nJ" in text and cells(text, "streams")[-1] == "936"


def test_a_front_of_one_is_no_table():
    assert front_tables(result([ROW], front=[ROW], smaller=[ROW])) == []
    other = ROW | {"accuracy": 99.5, "images_per_s": 5.0}
    (table,) = front_tables(result([ROW], front=[ROW, other], smaller=[ROW]))
    assert table.row_count == 2
    assert "No design is better in images/s and accuracy" in text_of([table])
