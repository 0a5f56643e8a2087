"""Tables of the studies."""

from typing import Any

from rich.table import Table

from bitrain.resources.model import COUNTED, RESOURCES
from bitrain.studies.accuracy import COLUMNS
from bitrain.studies.faults import KINDS, site_name
from bitrain.studies.progressive import ProgressiveReport
from bitrain.studies.sweep import REMARKS
from bitrain.studies.verdict import ENERGIES

from .table import table_of


def study_table(study: dict[str, Any]) -> Table:
    """Accuracies (%) by stream length, medians over seeds."""
    seeds = ", ".join(map(str, study["seeds"]))
    title = (
        f"{study['model']}, {study['test_images']:,} test images, median of seeds {seeds}; "
        f"float {study['float']:.2f} %"
    )
    table = table_of(title, (), ("L", *COLUMNS.values()))
    for row in study["by_length"]:
        table.add_row(str(row["stream_length"]), *(f"{row[key]:.2f}" for key in COLUMNS))
    return table


def anytime_table(study: dict[str, Any]) -> Table:
    """Accuracies (%) of one set of weights at several lengths, with exits; medians over seeds."""
    names = {"streams": "SC", "integers": "integer"}
    table = table_of("One set of weights for all lengths", ("L",), names.values())
    found = [study["anytime"][kind] for kind in names]
    for length in found[0]["by_prefix"]:
        values = (each["by_prefix"].get(length) for each in found)
        table.add_row(length, *("" if value is None else f"{value:.2f}" for value in values))
    if "mean_cycles" in found[0]:
        exits = (f"{e['exit_accuracy']:.2f} in {e['mean_cycles']:.2f} cycles" for e in found)
        table.add_row("exits", *exits)
    return table


def ablation_table(result: dict[str, Any]) -> Table:
    """Accuracies (%) of all combinations, a column for each stream length."""
    lengths = sorted({row["stream_length"] for row in result["rows"]})
    table = table_of(
        f"{result['model']}, float {result['float']:.2f} %",
        ("normalisation", "upscaling", "sequences", "wiring"),
        (f"L = {length}" for length in lengths),
    )
    lines: dict[tuple[str, ...], dict[int, float]] = {}
    for row in result["rows"]:
        switches = ("on" if row[name] else "off" for name in ("normalise", "upscale"))
        line = lines.setdefault((*switches, row["sequences"], row["wiring"]), {})
        line[row["stream_length"]] = row["accuracy"]
    for line, accuracies in lines.items():
        table.add_row(*line, *(f"{accuracies[length]:.2f}" for length in lengths))
    return table


def progressive_table(report: ProgressiveReport) -> Table:
    """Accuracy and cycles (estimated) at each prefix, and what the ladder makes of it."""
    title = f"Progressive precision, {report.images} test images, cycles estimated"
    columns = ("L", "cycles", "accuracy", "stop at margin", "cycles so far", "stop here", "right")
    table = table_of(title, (), columns)
    rungs = {rung.length: rung for rung in report.rungs}
    for prefix in report.prefixes:
        row = [f"{prefix.length}", f"{prefix.cycles:,}", f"{prefix.accuracy:.2f} %"]
        if rung := rungs.get(prefix.length):
            row.append("always" if rung.threshold is None else f"{rung.threshold:g}")
            row += [f"{rung.cycles_used:,}", f"{rung.share:.2f} %"]
            row.append("" if rung.accuracy is None else f"{rung.accuracy:.2f} %")
        else:
            row.append("left out")
        table.add_row(*row)
    return table


def by_class_table(report: ProgressiveReport) -> Table:
    """Accuracy and cycles of each class, with early termination."""
    table = table_of("By class, with early termination", ("class",), ("accuracy", "mean cycles"))
    return _with_outcomes(table, report.by_class)


def by_tolerance_table(report: ProgressiveReport) -> Table:
    """Accuracy and cycles of exits that may cost so many points."""
    title = "By points of accuracy that exits may cost on training images"
    table = table_of(title, ("tolerance",), ("accuracy", "mean cycles"))
    return _with_outcomes(table, report.by_tolerance)


def _with_outcomes(table: Table, outcomes: dict[str, dict[str, float]]) -> Table:
    for name, found in outcomes.items():
        table.add_row(name, f"{found['exit_accuracy']:.2f} %", f"{found['mean_cycles']:,.0f}")
    return table


def arrays_table(result: dict[str, Any]) -> Table:
    """Arrays by themselves, a row for each size and sharing."""
    title = f"Arrays for n = {result['bits']} on {result['device']}, {result['tag']}"
    in_cells = "area" in result["rows"][0]
    columns = ("µm²", "per lane", "path, ns") if in_cells else ("LUT4", "per lane", "flip-flops")
    table = table_of(title, ("P x Q x N", "SNGs"), (*columns, "SNGs' share"))
    for row in result["rows"]:
        size = f"{row['channels']} x {row['positions']} x {row['lanes']}"
        if in_cells:
            numbers = f"{row['area']:,.0f}", f"{row['area_per_lane']:.1f}", f"{row['path_ns']:.2f}"
        else:
            numbers = f"{row['lut']:,}", f"{row['lut_per_lane']:.2f}", f"{row['ff']:,}"
        table.add_row(size, row["sharing"], *numbers, f"{row['sng_share']:.0%}")
    return table


def energy_table(result: dict[str, Any]) -> Table:
    """Array energy per image of either study's rows, and what is left out of it."""
    title = f"Array energy per image on {result['device']}, {result['clock_mhz']:g} MHz"
    columns = ("nJ", "± error", "of it clock", "with glitches", "fJ per MAC", "leakage, nJ")
    table = table_of(title, ("array",), columns)
    for row in result["rows"]:
        if "sharing" in row:
            size = f"{row['channels']} x {row['positions']} x {row['lanes']}"
            name = f"{size}, {row['sharing']} SNGs"
        else:
            name = f"n = {row['bits']}, {row['arithmetic']}, N = {row['lanes']}"
        table.add_row(
            name,
            f"{row['energy_per_image']:,.0f}",
            f"{row['energy_error']:,.1f}",
            f"{row['energy_by_part']['clock'] / row['energy_per_image']:.0%}",
            f"{row['energy_per_image_glitches']:,.0f}",
            f"{row['energy_per_mac']:,.0f}",
            f"{row['leakage_per_image']:,.1f}",
        )
    table.caption = result["energy"]
    return table


def pooled_table(rows: list[dict[str, Any]], members: int) -> Table:
    """Circuits for a window of ``members`` neurons: resources per neuron, errors."""
    columns = ("LUT4", "FF", "wrong, default SNGs", "mean error", "wrong, LFSRs", "mean error")
    table = table_of("Pooled neurons by themselves, post-synthesis", ["circuit"], columns)
    for row in rows:
        sizes = (f"{row[key] / members:.1f}" for key in ("lut", "ff"))
        errors: list[str] = []
        for kind in ("default", "lfsr"):
            found = row["errors"][kind]
            errors += [f"{found['wrong']:.1%}", f"{found['mean']:+.3f}"]
        table.add_row(row["circuit"], *sizes, *errors)
    return table


def arithmetic_table(result: dict[str, Any]) -> Table:
    """Streams against integers: a row for each precision and arithmetic."""
    size = f"{result['channels']} x {result['positions']} neurons"
    title = f"{result['circuit']} of {size} on {result['device']}, {result['tag']}"
    table = table_of(title, (), ("n", "L"))
    table.add_column("arithmetic")
    in_cells = "area" in result["rows"][0]
    sizes = ("µm²", "µm² for a MAC a cycle", "path, ns") if in_cells else ("LUT4", "DSP", "MHz")
    per = "mm²" if in_cells else "1,000 LUT4"
    for column in ("N", *sizes, "cycles", "images/s", f"images/s per {per}", "accuracy"):
        table.add_column(column, justify="right")
    for row in result["rows"]:
        if in_cells:
            areas = (row["area"], row["area_per_mac"])
            figures = [*(f"{area:,.0f}" for area in areas), f"{row['path_ns']:.2f}"]
        else:
            clock = row.get("clock_mhz", result["clock_mhz"])
            figures = [f"{row['lut']:,}", str(row["dsp"]), f"{clock:.1f}"]
        rate = row["images_per_s_per_mm2" if in_cells else "images_per_s_per_klut"]
        table.add_row(
            str(row["bits"]),
            str(row["stream_length"]),
            row["arithmetic"],
            str(row["lanes"]),
            *figures,
            f"{row['image_cycles']:,}",
            f"{row['images_per_s']:,.0f}",
            f"{rate:,.0f}",
            "" if row["accuracy"] is None else f"{row['accuracy']:.2f} %",
        )
    return table


def verdict_table(result: dict[str, Any]) -> Table:
    """Whole accelerators, a row for each contender; what no other of its family beats has a *."""
    title = (
        f"{result['network']}, {result['channels']} x {result['positions']} neurons on "
        f"{result['device']}, {result['tag']}; {result['seeds']} seeds, "
        f"{result['test_images']:,} test images, float {result['float']:.2f} %"
    )
    columns = ("accuracy", "95 %", "W", "N", "LUT4", "DSP", "BRAM", "MHz", "cycles", "images/s")
    table = table_of(title, ("arithmetic",), (*columns, "per 1,000 LUT4"))
    for row in result["rows"]:
        low, high = row["interval"]
        table.add_row(
            row["title"] + (" *" if row["on_front"] else ""),
            f"{row['accuracy']:.2f}",
            f"{low:.2f} … {high:.2f}",
            str(row["width"]),
            str(row["lanes"]),
            f"{row['lut']:,}",
            str(row["dsp"]),
            str(row["bram"]),
            f"{row['clock_mhz']:.1f}",
            f"{row['image_cycles']:,.0f}",
            f"{row['images_per_s']:,.0f}",
            f"{row['images_per_s_per_klut']:,.0f}",
        )
    return table


def verdict_cells_table(result: dict[str, Any]) -> Table:
    """The same arrays in standard cells, with the energy of an image where it was asked for."""
    energy = "energy" in result
    columns = ["accuracy", "µm²", "µm² for a MAC a cycle"]
    columns += ["nJ an image", "with glitches", "leakage, nJ"] if energy else []
    title = f"Arrays in {result['library']}, {result['clock_mhz']:g} MHz"
    table = table_of(title, ("arithmetic",), columns)
    for row in result["rows"]:
        if "area" in row:
            cells = [f"{row['accuracy']:.2f}", f"{row['area']:,.0f}", f"{row['area_per_mac']:,.0f}"]
            cells += [f"{row[key]:,.1f}" for key in ENERGIES if energy]
            table.add_row(row["title"], *cells)
    if energy:
        table.caption = result["energy"]
    return table


def faults_table(result: dict[str, Any]) -> Table:
    """Accuracies (%) with faults, a row for each arithmetic and site, a column for each rate."""
    title = f"Accuracy (%) by rate of bit flips, {result['images']:,} test images, "
    title += f"median (5 … 95 %) of {result['seeds']} seeds"
    columns = ("bits", "none", *(f"{rate:g}" for rate in result["rates"]))
    table = table_of(title, ("arithmetic", "bits of"), columns)
    lines: dict[tuple[str, str], list[str]] = {}
    for row in result["rows"]:
        name, site = row["arithmetic"], row["site"]
        start = [f"{row['bits']:,}", f"{result['without_faults'][name]:.2f}"]
        line = lines.setdefault((KINDS[name], site_name(name, site)), start)
        line.append(f"{row['median']:.1f}\n{row['low']:.1f}…{row['high']:.1f}")
    for names, cells in lines.items():
        table.add_row(*names, *cells)
    return table


def errors_table(result: dict[str, Any]) -> Table:
    """How far the resource model's estimates are from what the tools say."""
    columns = ("median", "worst", "accelerators")
    title = f"Errors of the resource model, {result['family']}, {result['fitted']} samples fitted"
    table = table_of(title, ("resource",), columns)
    for name, each in result["errors"].items():
        numbers = (each["median"], each["worst"])
        counted = name in COUNTED
        cells = [f"{x:g}" if counted else f"{100 * x:.1f} %" for x in numbers]
        table.add_row(RESOURCES[name], *cells, str(each["count"]))
    return table


SHOWN = 50
"""Points of a sweep in the terminal."""


def sweep_table(result: dict[str, Any]) -> Table:
    """Points of a sweep, medians over seeds."""
    seeds = ", ".join(map(str, result["seeds"]))
    devices = ", ".join(result["devices"])
    title = f"Sweep of {result['name']}, seeds {seeds}; LUTs and clock estimated, {devices}"
    names = [axis["name"] for axis in result["axes"]]
    columns = ("float", "accuracy", "integer", "error", "cycles", "LUT4", "MHz", "images/s")
    table = table_of(title, names, columns)
    accuracies = ("float_accuracy", "accuracy", "integer_accuracy")
    formats = {**dict.fromkeys(accuracies, ".2f"), "error": ".3f"}
    formats |= {"cycles": ",.0f", "lut": ",.0f", "clock_mhz": ".1f", "images_per_s": ",.0f"}
    remarks = [name for name in REMARKS if any(point[name] for point in result["points"])]
    for name in remarks:
        table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=30)
    for point in result["points"][:SHOWN]:
        figures = (
            "" if point[key] is None else f"{point[key]:{form}}" for key, form in formats.items()
        )
        table.add_row(*point["point"].values(), *figures, *(point[name] for name in remarks))
    if len(result["points"]) > SHOWN:
        table.caption = f"{SHOWN} of {len(result['points']):,} points; sweep.csv has all"
    return table
