"""Plots of a grid's points, as SVG text."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from .plots import drawing, to_svg

MOST_LINES = 12
"""Lines of a panel: colours and markers that can be told apart."""
MOST_PANELS = 6


def accuracy_by_axis(result: Mapping[str, Any]) -> str:
    """Accuracy (%) and error of a grid's points, or LUTs and cycles where all are of one network.

    Against the first axis with numbers, else the first one. Panels are of the last of the others,
    lines of all between them; bands are from the least to the largest of the seeds.
    """
    axes = [axis for axis in result["axes"] if axis["of_network"]]
    figures = {"accuracy": "test accuracy (%)", "error": "error of scores / their spread"}
    if not axes:
        axes = result["axes"]
        figures = {"cycles": "cycles of an image", "lut": "LUTs, estimated"}
    across = next((axis for axis in axes if _numbers(axis["values"])), axes[0])
    *others, facet = [axis for axis in axes if axis is not across] or [None]
    if facet and not others:
        others, facet = [facet], None
    panels = facet["values"][:MOST_PANELS] if facet else [""]
    places = _numbers(across["values"]) or range(len(across["values"]))
    where = dict(zip(across["values"], places, strict=True))
    with drawing(2.2 + 2.6 * len(panels), 5.2) as figure:
        grid = figure.subplots(2, len(panels), sharex=True, sharey="row", squeeze=False)
        for panel, column in zip(panels, grid.T, strict=True):
            lines = _lines(result["points"], [axis["name"] for axis in others], facet, panel)
            for number, (label, points) in enumerate([*lines.items()][:MOST_LINES]):
                for axes_, name in zip(column, figures, strict=True):
                    found = {
                        where[p["point"][across["name"]]]: p for p in points if p[name] is not None
                    }
                    _draw_line(axes_, sorted(found.items()), name, number, label)
            if facet:
                column[0].set_title(f"{facet['name']} = {panel}", fontsize=9)
            column[-1].set(xlabel=across["name"])
            _scale(column[-1], across["values"])
        for axes_, label in zip(grid[:, 0], figures.values(), strict=True):
            axes_.set(ylabel=label)
        if others:
            drawn = [line for axes_ in grid[0] for line in axes_.get_lines()]
            handles = {str(line.get_label()): line for line in drawn}
            place = {"loc": "outside lower center", "ncols": 3, "fontsize": 7}
            figure.legend(handles=[*handles.values()], **place)
    return to_svg(figure)


def accuracy_by_cost(result: Mapping[str, Any]) -> str:
    """Accuracy (%) against estimated LUTs and against cycles, a marker for each point of a grid.

    Colours are of the first axis, markers of the last.
    """
    first, last = result["axes"][0], result["axes"][-1]
    with drawing(7.2, 3.6) as figure:
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (name, label) in zip(
            panels, (("lut", "LUTs, estimated"), ("cycles", "cycles of an image")), strict=True
        ):
            for point in result["points"]:
                if point[name] is None or point["accuracy"] is None:
                    continue
                colour, mark = (
                    axis["values"].index(point["point"][axis["name"]]) for axis in (first, last)
                )
                mark = 0 if last is first else mark
                style = f"C{colour % 10}{_MARKS[mark % len(_MARKS)]}"
                axes.plot(point[name], point["accuracy"], style, markersize=5, fillstyle="none")
            axes.set(xlabel=label)
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.tick_params(axis="x", labelsize=7)
            axes.locator_params(axis="x", nbins=6)
        panels[0].set(ylabel="test accuracy (%)")
        handles = [
            Line2D([], [], color=f"C{i % 10}", label=f"{first['name']} = {value}")
            for i, value in enumerate(first["values"][:MOST_LINES])
        ]
        for i, value in enumerate(last["values"][:MOST_LINES] if last is not first else ()):
            handle = Line2D([], [], color="0.3", marker=_MARKS[i % len(_MARKS)], linestyle="")
            handle.set(fillstyle="none", label=f"{last['name']} = {value}")
            handles.append(handle)
        figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=7)
    return to_svg(figure)


_MARKS = "os^Dv<>Pp*hX"


def _numbers(texts: Sequence[str]) -> list[float]:
    """The values of an axis, or none if one is no number."""
    try:
        return [float(text) for text in texts]
    except ValueError:
        return []


def _lines(
    points: Sequence[Mapping[str, Any]], names: Sequence[str], facet: Any, panel: str
) -> dict[str, list[Mapping[str, Any]]]:
    """Points of a panel by what their line is called."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for point in points:
        cells = point["point"]
        if facet is None or cells[facet["name"]] == panel:
            label = ", ".join(f"{name} = {cells[name]}" for name in names)
            found.setdefault(label, []).append(point)
    return found


def _draw_line(
    axes: Any, points: Sequence[tuple[float, Any]], name: str, number: int, label: str
) -> None:
    if not points:
        return
    colour, mark = f"C{number % 10}", _MARKS[number]
    places, values = [place for place, _ in points], [point[name] for _, point in points]
    axes.plot(places, values, f"{mark}-", color=colour, label=label, markersize=4)
    if name == "accuracy":
        bands = [[end(point["accuracies"]) for _, point in points] for end in (min, max)]
        axes.fill_between(places, *bands, color=colour, alpha=0.15, linewidth=0)


def _scale(axes: Any, texts: Sequence[str]) -> None:
    """Ticks at an axis' values: by powers of two if they are such, or one beside the other."""
    numbers = _numbers(texts)
    if numbers and all(number > 0 and np.log2(number).is_integer() for number in numbers):
        axes.set_xscale("log", base=2)
        axes.minorticks_off()
    axes.set_xticks(numbers or range(len(texts)), texts)
