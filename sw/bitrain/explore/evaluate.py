"""What a design does, without synthesis: cycles and resources, by their models.

The run of an image at length k of a ladder of lengths 1 … K is taken by a share s_k of the images,
with s_1 = 1. Cycles and energy of an image are Σ_k s_k c_k, where c_k is what run k takes; they are
the median over seeds. Images a second are clock / (load + Σ_k s_k c_k + output).
"""

from statistics import median
from typing import Any

from bitrain.accelerator import Engines, compile_network
from bitrain.cost import WeightFeed, latency_fed
from bitrain.gen.families.family import Device
from bitrain.program import Program
from bitrain.resources.model import RESOURCES, ResourceEstimate, ResourceModel
from bitrain.spec import BitrainError

from .space import Accelerator, Design, Shares, Way

Row = dict[str, Any]


def evaluate(
    accelerator: Accelerator, design: Design, device: Device, model: ResourceModel
) -> list[Row]:
    """A row for each way to run the design's network; one with a ``problem`` if it is no design."""
    array = design.config.array
    common: Row = {
        "design": design.key,
        "accelerator": accelerator.name,
        "network": accelerator.file,
        "channels": array.channels,
        "positions": array.positions,
        "lanes": array.lanes,
        "width": array.width,
        "engines": design.config.engines,
        "interface": design.config.interface.streams,
        "weights": design.config.weights,
    }
    try:
        engines = compile_network(accelerator.network, design.config)
    except BitrainError as error:
        return [common | {"problem": str(error)}]
    estimate = model.predict(engines, device)
    common |= {
        **{name: getattr(estimate, name) for name in RESOURCES},
        "lacking": estimate.lacking(device),
        "multipliers": sum(program.array.multipliers for program in engines.programs),
    }
    rows = []
    for way in accelerator.ways:
        if _runs(way, design, engines):
            row = common | {"registers": accelerator.registers(way)}
            row |= _speed(way, engines, estimate)
            if accelerator.energies:
                row["energy_nj"] = mean_energy(way, accelerator, engines.programs[0])
            rows.append(row)
    return rows


def _runs(way: Way, design: Design, engines: Engines) -> bool:
    """Whether hardware can run it so: other exits than those it begins with want registers."""
    if len(way.lengths) == 1 and not engines.run_time_length:
        return way.lengths[0] == engines.longest
    if len(engines.programs) > 1:
        return len(way.lengths) == 1 and way.lengths[0] == engines.longest
    return design.config.interface.is_axi or way.from_file


def mean_cycles(way: Way, engines: Engines) -> tuple[float, float]:
    """Cycles of an image, from one to the next and from its last pixel to its first score.

    Weights from outside arrive at a beat a cycle.
    """
    if len(engines.programs) > 1:
        return float(engines.cost.initiation_interval), float(engines.cost.latency)
    (around,) = engines.cost.parts
    if engines.weights_streamed:
        latency = median(_latency_fed(shares, engines) for shares in way.shares)
    else:
        latency = way.mean({length: cost.latency for length, cost in engines.prefix_costs.items()})
    return around.load_cycles + around.output_cycles + latency, latency


def _latency_fed(shares: Shares, engines: Engines) -> float:
    programs, before, found = list[Program](), 0, 0.0
    for length, share in shares:  # a run may wait for what the run before has left to load
        programs.append(engines.programs[0].prefix_programs[length])
        after = latency_fed(programs, WeightFeed(programs[0]), taken=0)
        found, before = found + share * (after - before), after
    return found


def mean_energy(way: Way, accelerator: Accelerator, program: Program) -> float:
    """Energy in nJ of an image in the array, all its runs together."""
    energies = accelerator.energies[program.array.lanes]
    runs = program.prefix_programs
    return way.mean(
        {length: energies[length].image(runs.get(length, program)) for length in way.lengths}
    )


def _speed(way: Way, engines: Engines, estimate: ResourceEstimate) -> Row:
    interval, latency = mean_cycles(way, engines)
    speed = 1e6 * estimate.clock_mhz / interval
    return {
        "title": way.title,
        "family": way.family,
        "bits": way.bits,
        "lengths": list(way.lengths),
        "exits": way.exits,
        "accuracy": way.accuracy,
        "cycles": interval,
        "images_per_s": speed,
        "latency_ms": latency / estimate.clock_mhz / 1e3,
        "images_per_s_per_klut": 1e3 * speed / estimate.routed_lut,
    }


def details(accelerator: Accelerator, design: Design, device: Device, model: ResourceModel) -> Row:
    """Cycles of each layer at each length, and LUTs of each block, for a page that shows them."""
    engines = compile_network(accelerator.network, design.config)
    return {
        "layers": {
            length: {layer.name: layer.cycles for part in cost.parts for layer in part.layers}
            for length, cost in engines.prefix_costs.items()
        },
        "blocks": model.predict(engines, device).blocks,
    }


def title_of(row: Row) -> str:
    """What a row is, in words."""
    engines = f", {row['engines']} engines" if row["engines"] > 1 else ""
    return (
        f"{row['title']}, {row['channels']} x {row['positions']} x {row['lanes']}, "
        f"W = {row['width']}{engines}"
    )
