"""Tables that the command line prints."""

from rich.markup import escape
from rich.table import Table

from bitrain.gen import BlockReport, SynthesisReport, ToolRecord
from bitrain.spec import NetworkCost


def tools_table(records: list[ToolRecord]) -> Table:
    """External tools: found or how to get them."""
    table = Table()
    for column in ("tool", "for", "version"):
        table.add_column(column)
    for record in records:
        version = record.version or "?"
        missing = f"[yellow]missing: {escape(record.install)}"
        table.add_row(record.name, record.purpose, version if record.found else missing)
    return table


def cost_table(cost: NetworkCost) -> Table:
    """Closed-form cost per layer and in all (estimated)."""
    table = Table(title="Cost per image, estimated")
    table.add_column("layer")
    for column in ("cycles", "MACs", "useful", "activation reads", "weight reads", "writes"):
        table.add_column(column, justify="right")
    for layer in cost.layers:
        numbers = (layer.activation_reads, layer.weight_reads, layer.writes)
        table.add_row(
            layer.name,
            f"{layer.cycles:,}",
            f"{layer.macs:,}",
            f"{layer.utilisation:.0%}",
            *(f"{number:,}" for number in numbers),
        )
    table.add_section()
    table.add_row("all", f"{cost.cycles:,}", f"{sum(layer.macs for layer in cost.layers):,}")
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
