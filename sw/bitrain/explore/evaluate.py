"""What a design does, without synthesis: cycles and resources, by their models."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from bitrain.accelerator import Engines, compile_network
from bitrain.gen.families.family import Device
from bitrain.resources.model import ResourceEstimate, ResourceModel
from bitrain.spec import BitrainError

from .space import Accelerator, Design, Way

Row = dict[str, Any]
LIMITS = "lut", "ff", "bram", "dsp"


def evaluate(
    accelerator: Accelerator, design: Design, device: Device, model: ResourceModel
) -> list[Row]:
    """A row for each way to run the design's network; one with a ``problem`` if it is no design."""
    try:
        engines = compile_network(accelerator.network, design.config)
    except BitrainError as error:
        return [{"design": design.key, "problem": str(error)}]
    estimate = model.predict(engines, device)
    resources = {name: getattr(estimate, name) for name in ("lut", "routed_lut", *LIMITS[1:])}
    array = design.config.array
    common = {
        "design": design.key,
        "accelerator": accelerator.name,
        "channels": array.channels,
        "positions": array.positions,
        "lanes": array.lanes,
        "width": array.width,
        "engines": design.config.engines,
        "interface": design.config.interface.streams,
        "weights": design.config.weights,
        "clock_mhz": estimate.clock_mhz,
        **resources,
        "lacking": lacking(estimate, device),
        "multipliers": sum(program.array.multipliers for program in engines.programs),
    }
    return [
        common | _speed(way, engines, estimate)
        for way in accelerator.ways
        if _runs(way, design, engines)
    ]


def _runs(way: Way, design: Design, engines: Engines) -> bool:
    """Whether hardware can run it so: other exits than those it begins with want registers."""
    if len(way.lengths) == 1 and not engines.run_time_length:
        return way.lengths[0] == engines.longest
    if len(engines.programs) > 1:
        return len(way.lengths) == 1 and way.lengths[0] == engines.longest
    return design.config.interface.is_axi or way.from_file


def mean_cycles(way: Way, engines: Engines) -> tuple[float, float]:
    """Cycles of an image, from one to the next and from its last pixel to its first score."""
    if len(engines.programs) > 1:
        return float(engines.cost.initiation_interval), float(engines.cost.latency)
    (around,) = engines.cost.parts
    latencies = {length: cost.latency for length, cost in engines.prefix_costs.items()}
    latency = median(
        sum(share * latencies[length] for length, share in shares) for shares in way.shares
    )
    return around.load_cycles + around.output_cycles + latency, latency


def _speed(way: Way, engines: Engines, estimate: ResourceEstimate) -> Row:
    interval, latency = mean_cycles(way, engines)
    speed = 1e6 * estimate.clock_mhz / interval
    return {
        "title": way.title,
        "family": way.family,
        "bits": way.bits,
        "lengths": list(way.lengths),
        "accuracy": way.accuracy,
        "cycles": interval,
        "images_per_s": speed,
        "latency_ms": latency / estimate.clock_mhz / 1e3,
        "images_per_s_per_klut": 1e3 * speed / estimate.routed_lut,
    }


def lacking(estimate: ResourceEstimate, device: Device) -> list[str]:
    """Resources of which a device has too few, each estimate with its median error on top."""
    capacity, errors = device.capacity, estimate.errors
    needs: Mapping[str, float] = {
        "lut": estimate.routed_lut * (1 + errors["routed_lut"].median),
        "ff": estimate.ff * (1 + errors["ff"].median),
        "bram": estimate.bram,
        "dsp": estimate.dsp,
    }
    return [name for name in LIMITS if needs[name] > getattr(capacity, name)]


def details(accelerator: Accelerator, design: Design, device: Device, model: ResourceModel) -> Row:
    """Cycles of each layer and LUTs of each block, for a page that shows them."""
    engines = compile_network(accelerator.network, design.config)
    layers = [layer for part in engines.cost.parts for layer in part.layers]
    return {
        "layers": {layer.name: layer.cycles for layer in layers},
        "blocks": model.predict(engines, device).blocks,
    }
