"""Tables of tools, synthesis and proofs."""

from rich.markup import escape
from rich.table import Table

from bitrain.formal import ProofResult
from bitrain.gen.asic.mapping import CellReport
from bitrain.gen.tools.blocks import BlockReport
from bitrain.gen.tools.synth import SynthesisReport
from bitrain.gen.tools.tools import ToolRecord

from .table import table_of

DEPTH = 3


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


def synthesis_table(report: SynthesisReport) -> Table:
    """Resources of a circuit beside what the device has."""
    title = f"{report.top} on {report.device}, {report.stage}"
    table = table_of(title, ["resource"], ("used", "of"))
    for name in ("lut", "ff", "bram", "dsp"):
        used, available = getattr(report.resources, name), getattr(report.capacity, name)
        table.add_row(name.upper(), f"{used:,}", f"{available:,}")
    if report.fmax_mhz is not None:
        table.add_row("Fmax", f"{report.fmax_mhz:.1f} MHz", "")
    return table


def blocks_table(report: BlockReport) -> Table:
    """LUTs and flip-flops per block, down to ``DEPTH`` levels of the hierarchy."""
    title = f"Blocks on {report.device}, {report.stage}"
    table = table_of(title, ["block"], ("LUT", "FF", "BRAM"))
    for block in report.blocks:
        if block.path.count(".") < DEPTH:
            inside = report.within(block.path)
            counts = (f"{inside.lut:,}", f"{inside.ff:,}", f"{inside.bram}")
            table.add_row(block.path or report.top, *counts)
    return table


def cells_table(report: CellReport) -> Table:
    """A circuit in standard cells."""
    title = f"{report.top} in {report.library}, post-synthesis: no wires, no memories"
    table = table_of(title, ["what"], ["figure"])
    table.add_row("cells", f"{sum(report.cells.values()):,}")
    table.add_row("area", f"{report.area:,.0f} µm²")
    table.add_row("leakage", f"{report.leakage / 1000:,.1f} µW")
    if report.path is not None:
        table.add_row("longest path", f"{report.path.delay:.2f} ns, {report.path.cells} cells")
    table.add_row("memories beside it", f"{report.memory_bits:,} bits")
    return table


def cell_blocks_table(report: CellReport) -> Table:
    """Area of each block."""
    table = table_of(f"Blocks in {report.library}", ["block"], ("cells", "µm²", "of all"))
    for block in report.blocks:
        share = f"{block.area / report.area:.0%}"
        table.add_row(block.path or report.top, f"{block.cells:,}", f"{block.area:,.0f}", share)
    return table


def proofs_table(results: list[ProofResult]) -> Table:
    """What was proven and how."""
    table = table_of("Proofs", ("claim", "method", "result", "of"), ["s"])
    for result in results:
        verdict = "proven" if result.proven else "[red]NOT PROVEN"
        table.add_row(result.claim, result.method, verdict, result.detail, f"{result.seconds:.1f}")
    return table
