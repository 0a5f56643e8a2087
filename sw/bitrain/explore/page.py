"""One page that shows a search: it needs no other file, and no network."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bitrain.spec import BitrainError, write_atomically
from bitrain.studies.contenders import TITLES

from .evaluate import Row
from .search import Goal, front

_AXES = {
    "images_per_s": "images/s",
    "latency_ms": "latency (ms)",
    "images_per_s_per_klut": "images/s per 1,000 LUTs",
}


def write_page(
    path: Path,
    result: Mapping[str, Any],
    rows: Sequence[Row],
    details: Mapping[str, Row],
    goal: Goal,
) -> None:
    """Write the page: points of ``rows``, with filters, and ``details`` of the one chosen.

    details: cycles of layers and LUTs of blocks, by design.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError as error:
        raise BitrainError("the page needs Plotly: pip install 'bitrain[search]'") from error
    environment = Environment(
        loader=PackageLoader("bitrain.explore"), undefined=StrictUndefined, autoescape=True
    )
    commands = {row["design"]: row["command"] for row in result["best"]}
    measured = {row["design"]: row["measured"] for row in result["best"] if "measured" in row}
    data = {
        "rows": [
            row
            | {
                "command": commands.get(row["design"]),
                "measured": measured.get(row["design"]),
            }
            for row in rows
        ],
        "details": dict(details),
        "front": [_place(row) for row in front(rows, goal)],
        "column": goal.column,
        "axis": _AXES[goal.column],
        "families": TITLES,
        "best": _place(result["best"][0]),
        "errors": result["errors"],
    }
    # A name may not end the script that it stands in.
    text = json.dumps(data).replace("<", "\\u003c")
    page = environment.get_template("explore.html.j2").render(
        result=result, data=text, plotly=get_plotlyjs()
    )
    write_atomically(path, page)


def _place(row: Row) -> list[str]:
    return [row["design"], row["title"]]
