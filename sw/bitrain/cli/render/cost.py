"""What the cost model says: cycles, memories, arrays."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bitrain.accelerator import Engines
from bitrain.cost import NetworkCost
from bitrain.cost.array_shapes import ArrayChoice
from bitrain.gen.families.devices import find_device
from bitrain.gen.families.family import Device
from bitrain.gen.families.fit import MemoryNeed, memory_needs, memory_problem
from bitrain.program import Program
from bitrain.studies.zero_chunks import ZeroReport

from .table import table_of


def cost_table(cost: NetworkCost, part: str = "") -> Table:
    """Closed-form cost per layer and in all (estimated); ``part``: the engine that has it."""
    columns = ("cycles", "MACs", "useful", "activation reads", "weight reads", "writes")
    title = f"Cost per image{', ' * bool(part)}{part}, estimated"
    table = table_of(title, ["layer"], columns)
    for layer in cost.layers:
        accesses = (layer.activation_reads, layer.weight_reads, layer.writes)
        work = (f"{layer.cycles:,}", f"{layer.macs:,}", f"{layer.utilisation:.0%}")
        table.add_row(layer.name, *work, *(f"{count:,}" for count in accesses))
    table.add_section()
    table.add_row("all", f"{cost.latency:,}", f"{sum(layer.macs for layer in cost.layers):,}")
    return table


def zeros_table(report: ZeroReport) -> Table:
    """Zero chunks per layer, and cycles with and without them: means over the images."""
    title = f"Zero chunks of {report.images} images, by golden and cost model"
    columns = ("zero chunks", "cycles", "without skipping", "saved")
    table = table_of(title, ["layer"], columns)
    for layer in report.layers:
        saved = 1 - layer.cycles / layer.most_cycles
        numbers = (f"{layer.share:.1%}", f"{layer.cycles:,.0f}", f"{layer.most_cycles:,}")
        table.add_row(layer.name, *numbers, f"{saved:.1%}")
    table.add_section()
    mean = report.cycles.mean()
    saved = 1 - mean / report.most_cycles
    table.add_row("all", "", f"{mean:,.0f}", f"{report.most_cycles:,}", f"{saved:.1%}")
    return table


def shapes_table(choices: list[ArrayChoice]) -> Table:
    """Arrays, fastest first (estimated)."""
    columns = ("multipliers", "SNGs", "cycles", "useful, layer by layer")
    wide = any(choice.array.width > 1 for choice in choices)
    kind = "P x Q x N" + ", W" * wide
    table = table_of("Fastest arrays, estimated", [kind], columns)
    for choice in choices:
        array = choice.array
        table.add_row(
            f"{array.channels} x {array.positions} x {array.lanes}" + f", {array.width}" * wide,
            f"{array.multipliers:,}",
            f"{array.sngs:,}",
            f"{choice.latency:,}",
            " ".join(f"{100 * share:.0f}" for share in choice.useful) + " %",
        )
    return table


def memory_table(program: Program) -> Table:
    """Which buffer of the activation RAM lies where, and from which layer to which it lives."""
    layers, stored = program.network.layers, program.network.stored.values()
    names = ["image", *(layer.name for layer in layers)]
    banks = f"{program.width} banks of " * (program.width > 1)
    size = f"{program.activation_depth:,} words of {program.activation_bits} bits"
    title = f"Activation RAM, {banks}{size}"
    table = table_of(title, ["buffer"], ("words", "first", "last"))
    for column in ("stored by", "read until"):
        table.add_column(column)
    for buffer, base in zip(program.buffers, program.buffer_bases, strict=True):
        parts = max((parts for parts in stored if parts[0] == buffer.first), key=len)
        held = [" + ".join(names[part + 1] for part in parts), *(names[i + 1] for i in buffer.sums)]
        table.add_row(
            escape(", ".join(held)),
            f"{buffer.size:,}",
            f"{base:,}",
            f"{base + buffer.size - 1:,}",
            escape(names[buffer.first + 1]) if buffer.first >= 0 else "pixels",
            escape(layers[buffer.last].name),
        )
    return table


def needs_table(needs: list[MemoryNeed], device: Device) -> Table:
    """The engine's memories and the block RAM that they take (estimated)."""
    columns = ("words", "bits", "copies", "block RAMs")
    table = table_of(f"Memories on {device.name}, estimated", ["memory"], columns)
    for need in needs:
        numbers = (need.depth, need.width, need.copies, need.blocks)
        table.add_row(need.name, *(f"{number:,}" for number in numbers))
    table.add_section()
    blocks = sum(need.blocks for need in needs)
    table.add_row("all", "", "", "", f"{blocks:,} of {device.capacity.bram:,}")
    return table


def print_memories(engines: Engines, device: str, console: Console) -> None:
    """For each engine the memory map, its block RAM on a device, a warning if that is too much."""
    chosen = find_device(device)
    for program in engines.programs:
        console.print(memory_table(program))
        console.print(needs_table(memory_needs(program, chosen), chosen))
        if problem := memory_problem(program, chosen):
            console.print(f"[yellow]warning:[/] {problem}", soft_wrap=True, highlight=False)


def print_mean(
    what: str, cycles: Sequence[int | None], most: Sequence[int], console: Console
) -> None:
    """Mean cycles of images, and how far they are from those that each takes at most."""
    used = [(taken, limit) for taken, limit in zip(cycles, most, strict=True) if taken is not None]
    total, limit = (sum(column) for column in zip(*used, strict=True))
    console.print(
        f"{what}: {total / len(used):,.0f} cycles on average over {len(used)} images, "
        f"{total / limit - 1:+.1%}"
    )
