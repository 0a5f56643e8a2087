"""Plots of a report, as SVG text to be placed in a page."""

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "bitrain",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
}


def _svg(size: tuple[float, float], draw: Callable[[Figure], None]) -> str:
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]


def accuracy_by_length(
    lengths: Sequence[int], curves: Mapping[str, Sequence[float]], float_accuracy: float
) -> str:
    """Accuracy (%) against stream length, one line per curve, the float network dotted."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for (label, values), marker in zip(curves.items(), "os^Dv", strict=False):
            axes.plot(lengths, values, marker=marker, label=label, markersize=4)
        axes.axhline(float_accuracy, color="black", linestyle=":", label="float")
        axes.set_xscale("log", base=2)
        axes.set_xticks(list(lengths), [str(length) for length in lengths])
        axes.minorticks_off()
        axes.set(xlabel="stream length L (cycles), n = log2 L", ylabel="test accuracy (%)")
        axes.legend()

    return _svg((6.4, 3.4), draw)


def bars(values: Mapping[str, float], unit: str) -> str:
    """Horizontal bars with their values, the first on top."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        container = axes.barh(list(values), list(values.values()), color="#4477aa")
        axes.bar_label(container, fmt="{:,.0f}", padding=3)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set(xlabel=unit)

    return _svg((6.4, 0.9 + 0.28 * len(values)), draw)


def images_with_scores(
    examples: Sequence[tuple[np.ndarray, np.ndarray, int]], classes: Sequence[str]
) -> str:
    """Images above the bars of their scores; the predicted class is marked.

    examples: image (channels, height, width), scores (classes,) and label of each.
    """

    def draw(figure: Figure) -> None:
        grid = figure.subplots(2, len(examples), squeeze=False)
        for (pixels, scores, label), (top, bottom) in zip(examples, grid.T, strict=True):
            image = np.moveaxis(pixels.astype(float), 0, -1)
            top.imshow(image / image.max(), cmap="gray")
            top.set_axis_off()
            best = int(scores.argmax())
            right = best == label
            top.set_title(f"{classes[label]} → {classes[best]}", fontsize=8)
            colours = ["#bbbbbb"] * len(scores)
            colours[best] = "#228833" if right else "#cc3311"
            bottom.barh(list(classes), scores, color=colours)
            bottom.invert_yaxis()
            bottom.tick_params(labelsize=6)
            bottom.grid(visible=False)

    return _svg((1.3 * len(examples), 3.0), draw)
