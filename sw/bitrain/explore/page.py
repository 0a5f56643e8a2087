"""One page that shows a search: it needs no other file, and no network."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bitrain.spec import BitrainError, write_atomically
from bitrain.studies.contenders import TITLES

from .evaluate import Row

_AXES = {
    "images_per_s": ("images/s", 1),
    "latency_ms": ("latency (ms)", -1),
    "images_per_s_per_klut": ("images/s per 1,000 LUTs", 1),
    "accuracy": ("accuracy (%)", 1),
    "routed_lut": ("LUTs", -1),
    "energy_nj": ("array energy (nJ an image)", -1),
}
"""Columns that a page can draw, and whether more is better."""


def plotly_source() -> str:
    """Plotly's JavaScript; :class:`BitrainError` if it is not installed."""
    try:
        from plotly.offline import get_plotlyjs
    except ModuleNotFoundError as error:
        raise BitrainError("the page needs Plotly: pip install 'bitrain[search]'") from error
    return get_plotlyjs()


def write_page(
    path: Path,
    result: Mapping[str, Any],
    rows: Sequence[Row],
    details: Mapping[str, Row],
    column: str,
) -> None:
    """Write the page: points of ``rows``, with filters, and ``details`` of the one chosen.

    details: cycles of layers and LUTs of blocks, by design. column: what was searched for.
    """
    environment = Environment(
        loader=PackageLoader("bitrain.explore"), undefined=StrictUndefined, autoescape=True
    )
    data = {
        "rows": list(rows),
        "details": dict(details),
        "axes": {name: axis for name, axis in _AXES.items() if name in rows[0]},
        "x": column,
        "y": "accuracy" if len({row["accuracy"] for row in rows}) > 1 else "routed_lut",
        "families": TITLES,
        "best": [result["best"][0][name] for name in ("design", "title")],
        "errors": result["errors"],
    }
    # A name may not end the script that it stands in.
    text = json.dumps(data).replace("<", "\\u003c")
    page = environment.get_template("explore.html.j2").render(
        result=result,
        data=text,
        plotly=plotly_source(),
        limited=len(rows) if len(rows) < result["ways"] else None,
        ways=f"{result['ways']:,}",
    )
    write_atomically(path, page)
