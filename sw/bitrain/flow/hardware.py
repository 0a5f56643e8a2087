"""The steps from a network file to a routed accelerator."""

from dataclasses import asdict
from itertools import accumulate
from typing import Any

from bitrain.accelerator import Engines, compile_network
from bitrain.cosim import simulate
from bitrain.cost import estimate
from bitrain.frontend import read_chain
from bitrain.gen.families.devices import find_device
from bitrain.gen.ip.names import check_name
from bitrain.gen.tools.blocks import measure_blocks
from bitrain.gen.tools.synth import synthesise, synthesise_component
from bitrain.models import create_model
from bitrain.nn import ScModel
from bitrain.program import Program, Sharing
from bitrain.rtl.array.arrays import build_array
from bitrain.spec import BitrainError, Exit, Network

from .config import RunConfig
from .networks import generate_with_testbench
from .run import Run


def generate(run: Run) -> dict[str, Any]:
    """IP folder with a test bench of some test images."""
    config, engines = run.config, compile_network(run.network, run.config.accelerator)
    generate_with_testbench(
        engines,
        run.ip,
        num_images=config.simulate.images,
        name=config.name,
        device=config.synth.device,
        frequency=config.synth.frequency,
        data=config.data.name,
        data_dir=config.data.directory,
    )
    parts = [asdict(part) for part in engines.cost.parts]
    return {
        "layers": [layer for part in parts for layer in part.pop("layers")],
        "engines": parts,
        "cycles": engines.cost.latency,
        "image_cycles": engines.cost.initiation_interval,
        "exits": _exit_cycles(run, engines),
    }


def _exit_cycles(run: Run, engines: Engines) -> dict[str, Any] | None:
    """Cycles of an image, where it can be decided at a shorter length.

    With the shares of the test images that stop at each; closed forms, which simulation checks.
    """
    exits = [each.length for each in run.network.exits]
    if not exits or not engines.early_termination:
        return None
    (program,) = engines.programs
    lengths = [*exits, program.longest]
    passes = [estimate(program.prefix_programs[length]).latency for length in lengths]
    shares = run.workspace.results["finetune"][run.config.trained]["anytime"]["shares"]
    used = list(accumulate(passes))
    mean = sum(share / 100 * cycles for share, cycles in zip(shares, used, strict=True))
    return {"lengths": lengths, "cycles_used": used, "shares": shares, "mean_cycles": mean}


def check_options(config: RunConfig) -> None:
    """Refuse, before data are loaded, options that do not go together."""
    check_name(config.name)
    find_device(config.synth.device)


def check_network(run: Run) -> None:
    """Refuse, before anything is trained, what these steps would refuse in the end."""
    config = run.config
    images, available = config.simulate.images, len(run.dataset.test_images)
    if images > available:
        raise BitrainError(
            f"simulate.images: {images} images asked for, the test split has {available}"
        )
    compile_network(untrained_network(run), config.accelerator)


def untrained_network(run: Run) -> Network:
    """The network in the shape that training will give it, with weights that mean nothing."""
    config, shape = run.config, run.dataset.in_shape
    sizes = shape, run.dataset.num_classes
    model = create_model(config.model, *sizes, normalisation=config.data.normalisation)
    network = ScModel(read_chain(model, shape), config.sc).to_network(config.name)
    if config.exit is not None:  # it will have them; which, training says
        exits = tuple(Exit(length=length, margin=0) for length in config.sc.lengths[:1])
        network = network.model_copy(update={"exits": exits})
    return network


def verify(run: Run) -> dict[str, Any]:
    """Every stored value and every cycle count against golden and cost model."""
    options = run.config.simulate
    report = simulate(run.ip, images=options.images, simulator=options.simulator, seed=options.seed)
    if not report.passed:
        raise BitrainError(f"simulation: {report.problems[0]}; see {report.log}")
    return {
        "images": report.images,
        "values_compared": report.values_compared,
        "mismatches": report.mismatches,
        "cycles": report.cycles[0],
        "predicted_cycles": report.predicted_cycles,
        "simulator": report.simulator_version,
    }


def synth(run: Run) -> dict[str, Any]:
    """Place and route."""
    options = run.config.synth.model_dump()
    return synthesise(run.ip, **options).to_json()


def blocks(run: Run) -> dict[str, Any]:
    """Resources per block, hierarchy kept."""
    report = measure_blocks(run.ip, run.config.synth.device)
    parts: dict[str, dict[str, int]] = {}
    for block in report.blocks:
        part = parts.setdefault(_part(block.path), {"lut": 0, "ff": 0, "bram": 0})
        for key in part:
            part[key] += getattr(block.resources, key)
    return {
        "tag": report.stage,
        "device": report.device,
        "tool": tool_versions(report.tools),
        "parts": [{"name": name, **part} for name, part in parts.items()],
        "sng_share_of_lut": report.sng_share_of_lut,
    }


def sharing(run: Run) -> dict[str, Any]:
    """The array alone with shared and with unshared SNGs, post-synthesis."""
    found: dict[str, Any] = {}
    device = run.config.synth.device
    for sharing in Sharing:
        shape = run.config.array.model_copy(update={"sharing": sharing})
        array = build_array(Program(run.network, shape))
        folder = run.workspace.path("arrays", sharing)
        report = synthesise_component(array, device, folder, name=f"array_{sharing}")
        found[sharing] = {"lut": report.resources.lut, "ff": report.resources.ff}
        found |= {"tag": report.stage, "device": report.device, "tool": tool_versions(report.tools)}
    saving = 1 - found[Sharing.SHARED]["lut"] / found[Sharing.UNSHARED]["lut"]
    return {**found, "lut_saving": saving}


def _part(path: str) -> str:
    """What the report calls the part of the accelerator that a block belongs to."""
    words = path.split(".")
    if words[:2] != ["engine", "array"]:
        return words[1] if len(words) > 1 else "streams, memories, layer loop"
    if len(words) == 2:
        return "array: accumulators"
    kind = words[2].partition("_")
    return "array: population counts" if kind[0] == "population" else f"array: {kind[0]} SNGs"


def tool_versions(versions: dict[str, str]) -> str:
    """Tools and versions in one line."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())
