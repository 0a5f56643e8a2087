"""Tables that the command line prints."""

from statistics import median
from typing import Any

from rich.markup import escape
from rich.table import Table

from bitrain.formal import ProofResult
from bitrain.gen import BlockReport, SynthesisReport, ToolRecord
from bitrain.nas import Calibration
from bitrain.sng.stream_error import StreamReport, overall
from bitrain.studies.accuracy import COLUMNS
from bitrain.studies.progressive import ProgressiveReport


def tools_table(records: list[ToolRecord]) -> Table:
    """External tools: found or how to get them."""
    table = Table()
    for column in ("tool", "for", "version"):
        table.add_column(column, overflow="fold")  # a path is shown whole
    for record in records:
        if record.problem:
            version = f"[yellow]{escape(record.problem)}"
        elif record.found:
            version = record.version or "?"
        else:
            version = f"[yellow]missing: {escape(record.install)}"
        table.add_row(record.name, record.purpose, version)
    return table


def progressive_table(report: ProgressiveReport) -> Table:
    """Accuracy and cycles (estimated) at each prefix, and what the ladder makes of it."""
    table = Table(title=f"Progressive precision, {report.images} test images, cycles estimated")
    headers = ("L", "cycles", "accuracy", "stop at margin", "cycles so far", "stop here", "right")
    for column in headers:
        table.add_column(column, justify="right")
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


def synthesis_table(report: SynthesisReport) -> Table:
    """Resources of a circuit beside what the device has."""
    table = Table(title=f"{report.top} on {report.device}, {report.stage}")
    table.add_column("resource")
    table.add_column("used", justify="right")
    table.add_column("of", justify="right")
    for name in ("lut", "ff", "bram", "dsp"):
        used, available = getattr(report.resources, name), getattr(report.capacity, name)
        table.add_row(name.upper(), f"{used:,}", f"{available:,}")
    if report.fmax_mhz is not None:
        table.add_row("Fmax", f"{report.fmax_mhz:.1f} MHz", "")
    return table


def blocks_table(report: BlockReport, depth: int = 3) -> Table:
    """LUTs and flip-flops per block, down to ``depth`` levels of the hierarchy."""
    table = Table(title=f"Blocks on {report.device}, {report.stage}")
    table.add_column("block")
    for column in ("LUT", "FF", "BRAM"):
        table.add_column(column, justify="right")
    for block in report.blocks:
        if block.path.count(".") < depth:
            inside = report.within(block.path)
            table.add_row(
                block.path or report.top, f"{inside.lut:,}", f"{inside.ff:,}", f"{inside.bram}"
            )
    return table


def proofs_table(results: list[ProofResult]) -> Table:
    """What was proven and how."""
    table = Table(title="Proofs")
    for column in ("claim", "method", "result", "of"):
        table.add_column(column)
    table.add_column("s", justify="right")
    for result in results:
        verdict = "proven" if result.proven else "[red]NOT PROVEN"
        table.add_row(result.claim, result.method, verdict, result.detail, f"{result.seconds:.1f}")
    return table


def stream_error_table(own: list[StreamReport], found: list[StreamReport]) -> Table:
    """Errors of the accumulators per layer and in all, before and after."""
    table = Table(title="Error of neurons' sums in output steps: own → found")
    table.add_column("layer")
    for column in ("L", "rms", "bias", "worst"):
        table.add_column(column, justify="right")
    for before, after in zip(own, found, strict=True):
        pairs = zip(before.sums, after.sums, strict=True)
        table.add_row(before.layer, str(before.stream_length), *(_arrow(*pair) for pair in pairs))
    table.add_section()
    both = (overall([report.sums for report in reports]) for reports in (own, found))
    table.add_row("all", "", *(_arrow(*pair) for pair in zip(*both, strict=True)))
    return table


def correlation_table(own: list[StreamReport], found: list[StreamReport]) -> Table:
    """Error of single products and correlation (SCC) of streams per layer, before and after."""
    table = Table(title="Products and correlation (SCC) of their streams: own → found")
    table.add_column("layer")
    for column in ("product rms", "SCC", "|SCC|", "activation lanes", "weight lanes"):
        table.add_column(column, justify="right")
    for before, after in zip(own, found, strict=True):
        table.add_row(
            before.layer,
            _arrow(before.product_rms, after.product_rms),
            _arrow(before.scc, after.scc),
            _arrow(before.scc_magnitude, after.scc_magnitude),
            _arrow(before.activation_scc, after.activation_scc),
            _arrow(before.weight_scc, after.weight_scc),
        )
    return table


def wirings_table(by_wirings: dict[int, float]) -> Table:
    """Least error found by the number of different lane wirings."""
    table = Table(title="Least error found, by lane wirings")
    table.add_column("wirings")
    for number in by_wirings:
        table.add_column(str(number), justify="right")
    table.add_row("rms", *(f"{error:.2f}" for error in by_wirings.values()))
    return table


def _arrow(before: float, after: float) -> str:
    return f"{before:.2f} → {after:.2f}"


def study_table(study: dict[str, Any]) -> Table:
    """Accuracies (%) by stream length, medians over seeds."""
    seeds = ", ".join(map(str, study["seeds"]))
    table = Table(
        title=f"{study['model']}, {study['test_images']:,} test images, median of seeds {seeds}; "
        f"float {study['float']:.2f} %"
    )
    table.add_column("L", justify="right")
    for label in COLUMNS.values():
        table.add_column(label, justify="right")
    for row in study["by_length"]:
        table.add_row(str(row["stream_length"]), *(f"{row[key]:.2f}" for key in COLUMNS))
    return table


def ablation_table(result: dict[str, Any]) -> Table:
    """Accuracies (%) of all combinations, a column for each stream length."""
    table = Table(title=f"{result['model']}, float {result['float']:.2f} %")
    for column in ("normalisation", "upscaling", "sequences", "wiring"):
        table.add_column(column)
    lengths = sorted({row["stream_length"] for row in result["rows"]})
    for length in lengths:
        table.add_column(f"L = {length}", justify="right")
    lines: dict[tuple[str, ...], dict[int, float]] = {}
    for row in result["rows"]:
        switches = ("on" if row[name] else "off" for name in ("normalise", "upscale"))
        line = lines.setdefault((*switches, row["sequences"], row["wiring"]), {})
        line[row["stream_length"]] = row["accuracy"]
    for line, accuracies in lines.items():
        table.add_row(*line, *(f"{accuracies[length]:.2f}" for length in lengths))
    return table


def arrays_table(result: dict[str, Any]) -> Table:
    """Arrays by themselves, a row for each size and sharing."""
    title = f"Arrays for n = {result['bits']} on {result['device']}, {result['tag']}"
    table = Table(title=title)
    table.add_column("P x Q x N")
    table.add_column("SNGs")
    for column in ("LUT4", "per lane", "flip-flops", "SNGs' share"):
        table.add_column(column, justify="right")
    for row in result["rows"]:
        table.add_row(
            f"{row['channels']} x {row['positions']} x {row['lanes']}",
            row["sharing"],
            f"{row['lut']:,}",
            f"{row['lut_per_lane']:.2f}",
            f"{row['ff']:,}",
            f"{row['sng_share']:.0%}",
        )
    return table


def pooled_table(rows: list[dict[str, Any]], members: int) -> Table:
    """Circuits for a window of ``members`` neurons: resources per neuron, errors."""
    table = Table(title="Pooled neurons by themselves, post-synthesis")
    table.add_column("circuit")
    headers = ("LUT4", "FF", "wrong, default SNGs", "mean error", "wrong, LFSRs", "mean error")
    for column in headers:
        table.add_column(column, justify="right")
    for row in rows:
        errors = [
            text
            for kind in ("default", "lfsr")
            for text in (
                f"{row['errors'][kind]['wrong']:.1%}",
                f"{row['errors'][kind]['mean']:+.3f}",
            )
        ]
        sizes = (f"{row[key] / members:.1f}" for key in ("lut", "ff"))
        table.add_row(row["circuit"], *sizes, *errors)
    return table


def recast_table(result: dict[str, Any]) -> Table:
    """One row for each recast block: the network as it is after that step."""
    table = Table(title=f"{result['name']}: {result['teacher']} recast")
    table.add_column("block")
    headers = ("difference", "accuracy so far", "parameters", "activations", "MACs", "memory")
    for column in headers:
        table.add_column(column, justify="right")
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
    table = Table(title=f"{result['name']}: {result['data']}")
    table.add_column("network")
    for column in ("accuracy", "MACs", "memory access"):
        table.add_column(column, justify="right")
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
    table = Table(title=f"{result['name']}: {result['data']}; seeds {result['seeds']}")
    table.add_column("network")
    for column in ("random weights", "inherited weights", "MACs", "memory access"):
        table.add_column(column, justify="right")
    for name, rows in result["networks"].items():
        accuracies = (
            _median_and_range([row[key] for row in rows]) for key in ("accuracy", "inherited")
        )
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
    table = Table(title=f"{result['name']}: {result['data']}")
    table.add_column("search")
    columns = ("random weights", "inherited", "MACs", "memory access", "CPU s", "peak MiB", "µs")
    for column in (*columns, "speed"):
        table.add_column(column, justify="right")
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
    table = Table(title=f"{found.measured} operations on {found.device}, batch {found.batch_size}")
    table.add_column("fit")
    for column in ("R²", "rank correlation"):
        table.add_column(column, justify="right")
    for name, fit in (("MACs alone", found.macs_alone), ("MACs, memory access", found.both)):
        table.add_row(name, f"{fit.r2:.3f}", f"{fit.rank_correlation:.3f}")
    return table
