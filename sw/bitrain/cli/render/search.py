"""Tables of recasting and of the architecture search."""

from statistics import median
from typing import Any

from rich.table import Table

from bitrain.nas.calibrate import Calibration

from .table import table_of


def recast_table(result: dict[str, Any]) -> Table:
    """One row for each recast block: the network as it is after that step."""
    columns = ("difference", "accuracy so far", "parameters", "activations", "MACs", "memory")
    table = table_of(f"{result['name']}: {result['teacher']} recast", ["block"], columns)
    counts = ("parameters", "activations", "macs", "memory_access")
    for row in result["blocks"]:
        table.add_row(
            f"{row['block']}: {row['old']} => {row['new']}",
            f"{row['difference']:.4g}",
            f"{row['accuracy']:.2f} %",
            *(f"{row[key]:,}" for key in counts),
        )
    table.add_section()
    for name, accuracy in result["accuracy"].items():
        cost = result["cost"]["teacher" if name == "teacher" else "student"]
        table.add_row(name, "", f"{accuracy:.2f} %", *(f"{cost[key]:,}" for key in counts))
    return table


def recast_summary(result: dict[str, Any]) -> list[str]:
    """Speed-up and cycles in lines for the terminal."""
    student = result["cost"]["student"]
    lines = [
        f"batch {batch}: {1e3 * latency['seconds']:.2f} ms on this CPU, one thread, "
        f"{latency['speedup']:.2f} times as fast as the teacher (median of paired runs)"
        for batch, latency in student["latency"].items()
    ]
    cycles = (
        f"{name} {'cannot run' if cost['cycles'] is None else format(cost['cycles'], ',')}"
        for name, cost in result["cost"].items()
    )
    lines.append(f"SC accelerator, cycles an image (estimated): {', '.join(cycles)}")
    if sc := result.get("sc"):
        lines.append(
            f"SC at L = {sc['stream_length']}: {sc['converted']:.2f} % converted, "
            f"{sc['matched']:.2f} % after matching, {sc['sc']:.2f} % fine-tuned; "
            f"integer baseline {sc['integer']:.2f} %"
        )
    return lines


def search_table(result: dict[str, Any]) -> Table:
    """The networks of a search, as far as it went."""
    columns = ("accuracy", "MACs", "memory access")
    table = table_of(f"{result['name']}: {result['data']}", ["network"], columns)
    table.add_column("weights")
    rows = [
        ("coarse network", "teacher", "its own training"),
        ("found", "derive", "stages, joined"),
        ("found", "retrain", "stages, retrained"),
    ]
    found = [(name, result[key], source) for name, key, source in rows if key in result]
    others = result.get("baselines", {})
    how = {"coarse, longer": "random, as many images"}
    found += [(name, row, how.get(name, "random, trained alike")) for name, row in others.items()]
    for name, row, source in found:
        counts = (f"{row[key]:,}" for key in ("macs", "memory_access"))
        table.add_row(name, f"{row['accuracy']:.2f} %", *counts, source)
    return table


def comparison_table(result: dict[str, Any]) -> Table:
    """The found network and its rivals: medians over the seeds, and the range of several."""
    title = f"{result['name']}: {result['data']}; seeds {result['seeds']}"
    columns = ("random weights", "inherited weights", "MACs", "memory access")
    table = table_of(title, ["network"], columns)
    for name, rows in result["networks"].items():
        kinds = ("accuracy", "inherited")
        accuracies = (_median_and_range([row[kind] for row in rows]) for kind in kinds)
        counts = (f"{median(row[key] for row in rows):,.0f}" for key in ("macs", "memory_access"))
        table.add_row(name, *accuracies, *counts)
    return table


def _median_and_range(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "none"
    spread = f" ({min(known):.2f} … {max(known):.2f})" if len(known) > 1 else ""
    return f"{median(known):.2f}{spread} %"


def search_ablation_table(result: dict[str, Any]) -> Table:
    """Variants of a search; latency is that of one image, and relative to the first variant."""
    columns = ("random weights", "inherited", "MACs", "memory access", "CPU s", "peak MiB", "µs")
    table = table_of(f"{result['name']}: {result['data']}", ["search"], (*columns, "speed"))
    for name, row in result["variants"].items():
        latency = row["latency"]["1"]
        table.add_row(
            name,
            f"{row['accuracy']:.2f} %",
            f"{row['inherited']:.2f} %",
            f"{row['macs']:,}",
            f"{row['memory_access']:,}",
            f"{row['cpu_seconds']:.0f}",
            f"{row['peak_memory'] / 2**20:.1f}",
            f"{1e6 * latency['seconds']:.0f}",
            f"{latency['speedup']:.2f}",
        )
    return table


def calibration_table(found: Calibration) -> Table:
    """The fit, with and without memory access, on operations that were left out."""
    title = f"{found.measured} operations on {found.device}, batch {found.batch_size}"
    table = table_of(title, ["fit"], ("R²", "rank correlation"))
    for name, fit in (("MACs alone", found.macs_alone), ("MACs, memory access", found.both)):
        table.add_row(name, f"{fit.r2:.3f}", f"{fit.rank_correlation:.3f}")
    return table
