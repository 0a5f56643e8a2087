"""Plots of a report, as SVG text to be placed in a page."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "bitrain",
    "font.size": 9,
    "text.parse_math": False,  # names of classes may hold a $
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
}


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """A figure of so many inches, in the style of all plots."""
    with matplotlib.rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained")


def to_svg(figure: Figure) -> str:
    """The drawn figure, without a date."""
    buffer = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]


def accuracy_by_length(
    lengths: Sequence[int], curves: Mapping[str, Sequence[float]], float_accuracy: float
) -> str:
    """Accuracy (%) against stream length, one line per curve, the float network dotted."""
    with drawing(6.4, 3.4) as figure:
        axes = figure.subplots()
        for (label, values), marker in zip(curves.items(), "os^Dv", strict=False):
            axes.plot(lengths, values, marker=marker, label=label, markersize=4)
        axes.axhline(float_accuracy, color="black", linestyle=":", label="float")
        axes.set_xscale("log", base=2)
        axes.set_xticks(list(lengths), [str(length) for length in lengths])
        axes.minorticks_off()
        axes.set(xlabel="stream length L (cycles), n = log2 L", ylabel="test accuracy (%)")
        axes.legend()
    return to_svg(figure)


def anytime(study: Mapping[str, Any]) -> str:
    """Accuracy (%) against mean cycles of a stream: trained together, alone, and with exits.

    Integers of k bits take k² cycles, bit by bit.
    """
    with drawing(6.4, 3.8) as figure:
        axes = figure.subplots()
        rows = study["by_length"]
        lengths = [row["stream_length"] for row in rows]
        bits = [(length.bit_length() - 1) ** 2 for length in lengths]
        for name, key, cycles in (
            ("streams", "sc_fine_tuned", lengths),
            ("integers", "int_fine_tuned", bits),
        ):
            colour = {"streams": "C0", "integers": "C1"}[name]
            found = study["anytime"][name]
            values = [row[key] for row in rows]
            label = f"{name}, each trained alone"
            axes.plot(cycles, values, "x", color=colour, label=label, markersize=5)
            together = {int(length): value for length, value in found["by_prefix"].items()}
            places = list(together)
            if name == "integers":
                places = [(length.bit_length() - 1) ** 2 for length in together]
            label = f"{name}, one set of weights"
            axes.plot(places, list(together.values()), "o-", color=colour, label=label)
            if exits := found.get("by_tolerance"):
                points = sorted((e["mean_cycles"], e["exit_accuracy"]) for e in exits.values())
                label = f"{name}, with exits"
                axes.plot(*zip(*points, strict=True), "s--", color=colour, label=label)
        axes.axhline(study["float"], color="black", linestyle=":", label="float")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set(xlabel="mean cycles of a stream, all runs", ylabel="test accuracy (%)")
        axes.legend(fontsize=7)
    return to_svg(figure)


def snr_by_layer(names: Sequence[str], curves: Mapping[str, Sequence[float]]) -> str:
    """Signal-to-noise ratios (dB) of the layers, in their order, a line for each kind."""
    with drawing(max(4.8, 1.6 + 0.3 * len(names)), 3.6) as figure:
        axes = figure.subplots()
        for (label, values), style in zip(curves.items(), ("o-", "s-", "x--"), strict=False):
            axes.plot(range(len(names)), values, style, label=label, markersize=4)
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
        axes.set(ylabel="SNR against float (dB)", ylim=(min(0, *map(min, curves.values())), None))
        axes.legend(fontsize=7)
    return to_svg(figure)


def ablation(result: Mapping[str, Any]) -> str:
    """Error (%) against stream length: a panel for each normalisation and upscaling."""
    panels = [*dict.fromkeys((row["normalise"], row["upscale"]) for row in result["rows"])]
    with drawing(max(5, 2.4 * len(panels)), 4.2) as figure:
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        colours: dict[str, str] = {}
        lengths = sorted({row["stream_length"] for row in result["rows"]})
        for axes, (normalise, upscale) in zip(grid, panels, strict=True):
            curves: dict[tuple[str, str], dict[int, float]] = {}
            for row in result["rows"]:
                if (row["normalise"], row["upscale"]) == (normalise, upscale):
                    curve = curves.setdefault((row["sequences"], row["wiring"]), {})
                    curve[row["stream_length"]] = 100 - row["accuracy"]
            for (sequences, wiring), curve in curves.items():
                colour = colours.setdefault(sequences, f"C{len(colours)}")
                style = "--" if wiring == "one for all lanes" else "-"
                label = ", wiring: ".join(part for part in (sequences, wiring) if part)
                axes.plot(
                    *zip(*curve.items(), strict=True), style, color=colour, marker="o", label=label
                )
            axes.axhline(100 - result["float"], color="black", linestyle=":", label="float")
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            axes.set_xticks(lengths, [str(length) for length in lengths])
            axes.xaxis.minorticks_off()
            axes.yaxis.set_major_formatter("{x:g}")
            on = {True: "with", False: "without"}
            axes.set_title(f"{on[normalise]} normalisation\n{on[upscale]} upscaling", fontsize=9)
            axes.set(xlabel="stream length L")
        grid[0].set(ylabel="test error (%)")
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return to_svg(figure)


def bars(values: Mapping[str, float], unit: str) -> str:
    """Horizontal bars with their values, the first on top."""
    with drawing(6.4, 0.9 + 0.28 * len(values)) as figure:
        axes = figure.subplots()
        container = axes.barh(list(values), list(values.values()), color="#4477aa")
        axes.bar_label(container, fmt="{:,.0f}", padding=3)
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set(xlabel=unit)
    return to_svg(figure)


def cycles_used(
    stops: Sequence[tuple[int, float, float]],
    *,
    mean: float,
    full: int,
    decided: Mapping[str, Sequence[float]],
) -> str:
    """Histograms of early termination: cycles of the whole network, and of its last layer.

    stops: where the ladder stops: cycles used, images (%), how many of those are right (%). mean
    and full: cycles used on average, and at the full length. decided: for each exact rule, images
    (%) decided after 0 … L cycles of the last layer.
    """
    with drawing(6.4, 5.2) as figure:
        top, *bottom = figure.subplots(2 if decided else 1, squeeze=False)[:, 0]
        cycles, shares, right = zip(*stops, strict=True)
        largest = max(*cycles, full)
        container = top.bar(cycles, shares, width=0.04 * largest, color="#4477aa")
        labels = [f"{s:.1f} %\n{r:.1f} % right" for s, r in zip(shares, right, strict=True)]
        top.bar_label(container, labels, padding=2, fontsize=7)
        top.axvline(mean, color="#cc3311", label=f"mean {mean:,.0f}", zorder=0)
        top.axvline(
            full, color="black", linestyle=":", label=f"always full length {full:,}", zorder=0
        )
        top.set(xlabel="cycles used, all passes", ylabel="images (%)", xlim=(0, 1.1 * largest))
        top.margins(y=0.2)
        for axes in bottom:
            colours = ("#bbbbbb", "#228833")
            for (label, values), colour in zip(decided.items(), colours, strict=True):
                axes.bar(range(len(values)), values, width=1, alpha=0.7, label=label, color=colour)
            axes.set(xlabel="cycles of the last layer until decided", ylabel="images (%)")
        for axes in (top, *bottom):
            axes.legend(fontsize=7, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return to_svg(figure)


def images_with_scores(
    examples: Sequence[tuple[np.ndarray, np.ndarray, int]], classes: Sequence[str]
) -> str:
    """Images above the bars of their scores; the predicted class is marked.

    examples: image (channels, height, width), scores (classes,) and label of each.
    """
    with drawing(1.3 * len(examples), 3.0) as figure:
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
    return to_svg(figure)


MOST_NAMED = 20
"""Classes whose names and counts stand in a confusion matrix."""


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """A confusion matrix: rows are labels, columns what they are taken for, in shares of a row."""
    matrix = np.asarray(counts)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    few = len(classes) <= MOST_NAMED
    size = 1.6 + 0.33 * len(classes) if few else 5.0
    with drawing(size, size) as figure:
        axes = figure.subplots()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        axes.set(xlabel="taken for", ylabel="label")
        axes.grid(visible=False)
        if few:
            axes.set_xticks(range(len(classes)), classes, rotation=90)
            axes.set_yticks(range(len(classes)), classes)
            for (row, column), count in np.ndenumerate(matrix):
                if count:
                    colour = "white" if shares[row, column] > 1 / 2 else "black"
                    place = {"ha": "center", "va": "center", "fontsize": 6}
                    axes.text(column, row, str(count), color=colour, **place)
    return to_svg(figure)


def recasting(result: Mapping[str, Any]) -> str:
    """Accuracy (%) as block after block is recast, and the student's costs beside the teacher's."""
    with drawing(8, 3.2) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        blocks, accuracy = result["blocks"], result["accuracy"]
        numbers = [block["block"] for block in blocks]
        left.plot(numbers, [block["accuracy"] for block in blocks], "o-", label="so far")
        for name, style in (("teacher", ":"), ("student", "-"), ("scratch", "--")):
            if name in accuracy:
                left.axhline(accuracy[name], color="black", linestyle=style, label=name)
        left.set(xlabel="block", ylabel="test accuracy (%)", xticks=numbers)
        left.legend()
        teacher, student = result["cost"]["teacher"], result["cost"]["student"]
        labels = {"parameters": "parameters", "activations": "activations", "macs": "MACs"}
        labels |= {"memory_access": "memory access", "cycles": "SC cycles"}
        ratios = {
            label: student[key] / teacher[key]
            for key, label in labels.items()
            if student[key] is not None and teacher[key] is not None
        }
        for batch, latency in student["latency"].items():
            ratios[f"CPU time, batch {batch}"] = 1 / latency["speedup"]
        right.barh(list(ratios), list(ratios.values()))
        right.axvline(1, color="black", linestyle=":")
        right.invert_yaxis()
        right.set(xlabel="student / teacher")
    return to_svg(figure)


def search_front(result: Mapping[str, Any]) -> str:
    """Accuracy (%) against multiplications of all networks of a search."""
    marks = {"found": "o", "coarse": "s", "node-wise": "^", "random": "x"}
    with drawing(6.4, 3.4) as figure:
        axes = figure.subplots()
        for key, label in (("teacher", "coarse network"), ("retrain", "found, inherited weights")):
            row = result[key]
            axes.plot(row["macs"], row["accuracy"], "D", fillstyle="none", label=label)
        for kind, mark in marks.items():
            rows = [row for name, row in result["baselines"].items() if name.split()[0] == kind]
            if rows:
                points = [row["macs"] for row in rows], [row["accuracy"] for row in rows]
                axes.plot(*points, mark, linestyle="", label=f"{kind}, random weights")
        axes.set(xlabel="MACs", ylabel="test accuracy (%)")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.legend()
    return to_svg(figure)


def array_cost(rows: Sequence[Mapping[str, Any]], key: str = "lut") -> str:
    """LUTs per lane (or area), and the SNGs' share, against neurons: shared and unshared SNGs."""
    kinds = sorted({(row["lanes"], row["sharing"]) for row in rows})
    unit = {"lut": "LUT4", "area": "µm²"}[key]
    panels = (
        (f"{key}_per_lane", 1, f"{unit} per lane, all included"),
        ("sng_share", 100, "of these in SNGs (%)"),
    )
    with drawing(7.2, 3.2) as figure:
        for axes, (figures, scale, label) in zip(figure.subplots(1, 2), panels, strict=True):
            for lanes, sharing in kinds:
                points = sorted(
                    (row["channels"] * row["positions"], scale * row[figures])
                    for row in rows
                    if (row["lanes"], row["sharing"]) == (lanes, sharing)
                )
                axes.plot(*zip(*points, strict=True), "o-", label=f"{sharing}, N = {lanes}")
            axes.set(xlabel="neurons P Q", ylabel=label, ylim=(0, None))
            axes.legend()
    return to_svg(figure)


def arithmetic(rows: Sequence[Mapping[str, Any]]) -> str:
    """Images a second per 1,000 LUTs (or mm²) against precision, a line for each arithmetic."""
    in_cells = "area" in rows[0]
    key = "images_per_s_per_mm2" if in_cells else "images_per_s_per_klut"
    with drawing(4.8, 3.2) as figure:
        axes = figure.subplots()
        for arithmetic in dict.fromkeys(row["arithmetic"] for row in rows):
            points = sorted(
                (row["bits"], row[key]) for row in rows if row["arithmetic"] == arithmetic
            )
            marker = {"stochastic": "o-", "binary": "s-", "dsp": "s:", "bitserial": "^-"}
            axes.plot(*zip(*points, strict=True), marker[arithmetic], label=arithmetic)
        axes.set_xticks(sorted({row["bits"] for row in rows}))
        axes.set(
            xlabel="precision n (L = 2^n)",
            ylabel=f"images/s per {'mm²' if in_cells else '1,000 LUT4'}",
            ylim=(0, None),
        )
        axes.legend()
    return to_svg(figure)


def verdict(result: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """Images a second per 1,000 LUTs against accuracy (%): points, and the fronts of families.

    titles: of the families. Bars are 95 % of draws of the images.
    """
    with drawing(6.4, 4) as figure:
        axes = figure.subplots()
        for number, family in enumerate(titles):
            rows = [row for row in result["rows"] if row["family"] == family]
            if not rows:
                continue
            points = [(row["accuracy"], row["images_per_s_per_klut"]) for row in rows]
            errors = [
                [abs(row["accuracy"] - row["interval"][end]) for row in rows] for end in (0, 1)
            ]
            colour, marker = f"C{number}", "oDs^v"[number]
            axes.errorbar(
                *zip(*points, strict=True),
                xerr=errors,
                fmt=marker,
                color=colour,
                label=titles[family],
                markersize=5,
                elinewidth=0.8,
            )
            best = sorted(point for point, row in zip(points, rows, strict=True) if row["on_front"])
            axes.plot(*zip(*best, strict=True), color=colour, linewidth=1)
        axes.axvline(result["float"], color="black", linestyle=":", label="float")
        axes.set_yscale("log")
        axes.set(xlabel="test accuracy (%)", ylabel="images/s per 1,000 LUT4")
        axes.legend(fontsize=7)
    return to_svg(figure)


def faults(result: Mapping[str, Any], sites: Mapping[str, str], kinds: Mapping[str, str]) -> str:
    """Accuracy (%) against the rate of bit flips: a panel for each site, with the spread.

    sites, kinds: names of sites and of arithmetics.
    """
    shown = [site for site in sites if any(row["site"] == site for row in result["rows"])]
    columns = min(3, len(shown))
    with drawing(0.6 + 2.4 * columns, 0.6 + 2.3 * -(-len(shown) // columns)) as figure:
        grid = figure.subplots(-(-len(shown) // columns), columns, sharey=True, squeeze=False)
        for axes in grid.flat[len(shown) :]:
            axes.set_axis_off()
        for axes, site in zip(grid.flat, shown, strict=False):
            for number, (arithmetic, label) in enumerate(kinds.items()):
                rows = [
                    row
                    for row in result["rows"]
                    if (row["arithmetic"], row["site"]) == (arithmetic, site)
                ]
                if not rows:
                    continue
                rates, *values = zip(
                    *([row[key] for key in ("rate", "median", "low", "high")] for row in rows),
                    strict=True,
                )
                colour = f"C{number}"
                axes.plot(rates, values[0], "os^"[number] + "-", color=colour, label=label)
                axes.fill_between(rates, *values[1:], color=colour, alpha=0.2, linewidth=0)
                clean = result["without_faults"][arithmetic]
                axes.axhline(clean, color=colour, linestyle=":", linewidth=1)
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
            axes.set_title(sites[site], fontsize=9)
            axes.set(xlabel="flips of a bit and image", ylim=(0, 102))
            axes.legend(fontsize=7, loc="lower left")
        for axes in grid[:, 0]:
            axes.set(ylabel="test accuracy (%)")
    return to_svg(figure)


def predictions(rows: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> str:
    """Estimated against measured resources, a panel each; the line is where both are the same."""
    with drawing(8.4, 5.2) as figure:
        panels = figure.subplots(2, -(-len(names) // 2)).ravel()
        for axes, (name, title) in zip(panels, names.items(), strict=False):
            pairs = [
                (row[name]["measured"], row[name]["estimated"])
                for row in rows
                if row[name]["measured"] is not None
            ]
            largest = max((max(pair) for pair in pairs), default=1)
            axes.plot([0, largest], [0, largest], color="0.6", linewidth=0.8)
            axes.plot(*zip(*pairs, strict=True), "o", markersize=3) if pairs else None
            axes.set(title=title, xlabel="measured", ylabel="estimated")
    return to_svg(figure)


def cells(stages: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    """The graph of every cell: a row for each stage, an arrow for each operation."""
    columns = max(len(stage) for stage in stages)
    names = sorted({op for s in stages for c in s for node in c["nodes"] for op, _ in node})
    colours = {name: f"C{i}" for i, name in enumerate(names)}
    with drawing(2.6 * columns, 1.9 * len(stages) + 0.5) as figure:
        grid = figure.subplots(len(stages), columns, squeeze=False)
        for number, (row, stage) in enumerate(zip(grid, stages, strict=True)):
            for axes in row[len(stage) :]:
                axes.set_axis_off()
            for index, (axes, cell) in enumerate(zip(row, stage, strict=False)):
                _draw_cell(axes, cell["nodes"], colours)
                axes.set_title(f"stage {number}, cell {index}", fontsize=8)
        handles = [Line2D([], [], color=colours[name], label=name) for name in names]
        figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
    return to_svg(figure)


def _draw_cell(axes: Any, nodes: Sequence[Any], colours: Mapping[str, str]) -> None:
    places = [(0.0, 0.4), (0.0, -0.4), *((1.0 + i, 0.0) for i in range(len(nodes)))]
    for node, edges in enumerate(nodes):
        for index, (operation, source) in enumerate(edges):
            bend = 0.25 * (node + 1 - source) * (-1) ** index if source > 1 else 0.1 * index
            arrow = {"arrowstyle": "-|>", "connectionstyle": f"arc3,rad={bend}"}
            arrow |= {"color": colours[operation], "shrinkA": 8, "shrinkB": 8}
            axes.annotate("", xytext=places[source], xy=places[node + 2], arrowprops=arrow)
    for number, place in enumerate(places):
        label = ("before last", "last")[number] if number < 2 else str(number - 2)
        axes.text(*place, label, ha="center", va="center", fontsize=7)
    axes.set(xlim=(-0.5, len(nodes) + 0.5), ylim=(-1, 1))
    axes.set_axis_off()
