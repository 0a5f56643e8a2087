"""Errors and correlations of number sequences."""

from rich.console import Console
from rich.table import Table

from bitrain.sng.sequences import SequenceReport, sources_yaml
from bitrain.sng.stream_error import StreamReport, overall
from bitrain.spec import Network

from .table import table_of


def print_sequences(network: Network, found: SequenceReport, console: Console) -> None:
    """Errors and correlations of a network's sequences and of those found."""
    console.print(stream_error_table(found.own, found.found))
    console.print(correlation_table(found.own, found.found))
    console.print(wirings_table(found.by_wirings))
    if found.sources:
        console.print(f"least error of {found.tried} pairs; to train with it:")
        text = sources_yaml(network, found.sources)
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"{found.images} training images: {found.own_accuracy:.2%} with the network's own "
        f"sequences, {found.found_accuracy:.2%} with those found",
        soft_wrap=True,
    )


def stream_error_table(own: list[StreamReport], found: list[StreamReport]) -> Table:
    """Errors of the accumulators per layer and in all, before and after."""
    title = "Error of neurons' sums in output steps: own → found"
    table = table_of(title, ["layer"], ("L", "rms", "bias", "worst"))
    for before, after in zip(own, found, strict=True):
        pairs = zip(before.sums, after.sums, strict=True)
        table.add_row(before.layer, str(before.stream_length), *(_arrow(*pair) for pair in pairs))
    table.add_section()
    both = (overall([report.sums for report in reports]) for reports in (own, found))
    table.add_row("all", "", *(_arrow(*pair) for pair in zip(*both, strict=True)))
    return table


def correlation_table(own: list[StreamReport], found: list[StreamReport]) -> Table:
    """Error of single products and correlation (SCC) of streams per layer, before and after."""
    title = "Products and correlation (SCC) of their streams: own → found"
    columns = ("product rms", "SCC", "|SCC|", "activation lanes", "weight lanes")
    table = table_of(title, ["layer"], columns)
    for before, after in zip(own, found, strict=True):
        keys = ("product_rms", "scc", "scc_magnitude", "activation_scc", "weight_scc")
        pairs = ((getattr(before, key), getattr(after, key)) for key in keys)
        table.add_row(before.layer, *(_arrow(*pair) for pair in pairs))
    return table


def wirings_table(by_wirings: dict[int, float]) -> Table:
    """Least error found by the number of different lane wirings."""
    title = "Least error found, by lane wirings"
    table = table_of(title, ["wirings"], map(str, by_wirings))
    table.add_row("rms", *(f"{error:.2f}" for error in by_wirings.values()))
    return table


def _arrow(before: float, after: float) -> str:
    return f"{before:.2f} → {after:.2f}"
