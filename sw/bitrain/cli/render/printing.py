"""What commands print that takes more than a table."""

from collections.abc import Sequence

from rich.console import Console

from bitrain.accelerator import Pipeline
from bitrain.gen import Device, find_device, memory_needs, memory_problem
from bitrain.program import Program
from bitrain.sng.sequences import SequenceReport, sources_yaml
from bitrain.spec import Network

from .cost_tables import memory_table, needs_table
from .tables import correlation_table, stream_error_table, wirings_table


def print_memories(program: Program | Pipeline, device: str, console: Console) -> None:
    """The memory map, what block RAM it takes on a device, and a warning if that is too much.

    Of a pipeline those of each engine, and the warning where one engine's alone are too much.
    """
    chosen = find_device(device)
    for each in program.programs if isinstance(program, Pipeline) else (program,):
        _print_memories(each, chosen, console)


def _print_memories(program: Program, chosen: Device, console: Console) -> None:
    console.print(memory_table(program))
    console.print(needs_table(memory_needs(program, chosen), chosen))
    if problem := memory_problem(program, chosen):
        console.print(f"[yellow]warning:[/] {problem}", soft_wrap=True, highlight=False)


def print_mean(what: str, cycles: Sequence[int | None], most: int, console: Console) -> None:
    """Mean cycles of images, and how far they are from those of an image that takes most."""
    used = [taken for taken in cycles if taken is not None]
    mean = sum(used) / len(used)
    console.print(
        f"{what}: {mean:,.0f} cycles on average over {len(used)} images, {mean / most - 1:+.1%}"
    )


def print_sequences(network: Network, found: SequenceReport, console: Console) -> None:
    """Errors and correlations of a network's sequences and of those found."""
    for table in (
        stream_error_table(found.own, found.found),
        correlation_table(found.own, found.found),
        wirings_table(found.by_wirings),
    ):
        console.print(table)
    if found.sources:
        console.print(f"least error of {found.tried} pairs; to train with it:")
        text = sources_yaml(network, found.sources)
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"{found.images} training images: {found.own_accuracy:.2%} with the network's own "
        f"sequences, {found.found_accuracy:.2%} with those found",
        soft_wrap=True,
    )
