"""What the resource model says of an accelerator."""

from rich.console import Console
from rich.table import Table

from bitrain.accelerator import Engines
from bitrain.gen.families.family import Device
from bitrain.resources.model import COUNTED, RESOURCES, ResourceEstimate, ResourceModel, model_of

from .table import table_of


def print_resources(engines: Engines, device: Device, console: Console) -> None:
    """What an accelerator takes of a device, where its family has a model."""
    model = model_of(device.family.name)
    if model is None:
        console.print(
            f"note: no estimate of LUTs and clock for {device.family.title}: there is no table of "
            "it in the package (docs/resources.md)",
            soft_wrap=True,
            highlight=False,
        )
        return
    estimate = model.predict(engines, device)
    console.print(resources_table(estimate, model, device))
    if lacking := estimate.lacking(device):
        names = {"lut": "LUTs", "ff": "flip-flops", "bram": "block RAMs", "dsp": "DSP blocks"}
        listed = " and ".join(names[name] for name in lacking)
        console.print(
            f"note: {device.name} has too few {listed} for it (estimated)",
            soft_wrap=True,
            highlight=False,
        )
    multipliers = sum(program.array.multipliers for program in engines.programs)
    if multipliers > model.most_multipliers:
        console.print(
            f"note: {multipliers:,} multipliers are more than any sample of the model has "
            f"({model.most_multipliers:,}): errors may be larger",
            soft_wrap=True,
            highlight=False,
        )


def resources_table(estimate: ResourceEstimate, model: ResourceModel, device: Device) -> Table:
    """Estimates beside what the device has, and errors on accelerators that were not fitted."""
    title = f"Resources on {device.name}, estimated"
    table = table_of(title, ["resource"], ("estimated", "of", "median error", "worst error"))
    capacity = device.capacity
    limits = {
        "lut": capacity.lut,
        "routed_lut": capacity.lut,
        "ff": capacity.ff,
        "bram": capacity.bram,
        "dsp": capacity.dsp,
    }
    for name, title in RESOURCES.items():
        value, error, counted = getattr(estimate, name), model.errors[name], name in COUNTED
        errors = [f"{x:g}" if counted else f"{x:.0%}" for x in (error.median, error.worst)]
        limit = limits.get(name)
        table.add_row(title, f"{value:,.0f}", "" if limit is None else f"{limit:,}", *errors)
    return table
