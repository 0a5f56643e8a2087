"""The command line: reads arguments, calls the flow, prints one line for a user's mistake."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from bitrain import cli_search
from bitrain.spec import (
    Array,
    BitrainError,
    Program,
    Sharing,
    estimate,
    load_network,
    save_network,
)

# Torch's OpenMP threads otherwise spin while they wait for each other: with one other program on
# the same cores, training became a hundred times slower. Read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    help="From a PyTorch CNN to a stochastic-computing accelerator on an FPGA.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_search.app, name="search", no_args_is_help=True)
# Under torchrun one process speaks for all.
console = Console(quiet=os.environ.get("RANK", "0") != "0")

NetworkFile = Annotated[Path, typer.Argument(help="Network file (.npz).", show_default=False)]
IpFolder = Annotated[Path, typer.Argument(help="IP folder.", show_default=False)]
Channels = Annotated[int, typer.Option("--channels", "-P", help="Output channels at a time.")]
Positions = Annotated[int, typer.Option("--positions", "-Q", help="Output positions at a time.")]
Lanes = Annotated[int, typer.Option("--lanes", "-N", help="Products of a neuron at a time.")]
SharingOption = Annotated[Sharing, typer.Option(help="Which multipliers share SNGs.")]
Images = Annotated[int, typer.Option(help="Number of test images.", min=1)]
Simulator = Literal["verilator", "icarus"]
DataDir = Annotated[Path | None, typer.Option(help="Folder of the data set's files.")]


@app.command()
def run(
    config: Annotated[Path, typer.Option(help="Configuration (YAML).", show_default=False)],
    out: Annotated[Path, typer.Option(help="Output folder; finished steps there are kept.")],
    until: Annotated[str | None, typer.Option(help="Stop after this step.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Train, export, generate, simulate, synthesise, report."""
    from bitrain.flow import load_config, run_flow

    run_flow(load_config(config, data_dir), out, until=until, console=console)


@app.command()
def accuracy(
    config: Annotated[Path, typer.Option(help="Configuration (YAML).", show_default=False)],
    out: Annotated[Path, typer.Option(help="Output folder; finished steps there are kept.")],
    seeds: Annotated[str, typer.Option(help="Trainings, comma-separated.")] = "0,1,2",
    data_dir: DataDir = None,
) -> None:
    """Accuracy by stream length, each trained for, medians over seeds: table, JSON, plot."""
    from bitrain.flow import load_config, run_study
    from bitrain.flow.tables import study_table

    study = run_study(load_config(config, data_dir), out, _integers("--seeds", seeds), console)
    console.print(study_table(study))


@app.command()
def ablate(
    config: Annotated[Path, typer.Option(help="Configuration (YAML).", show_default=False)],
    out: Annotated[Path, typer.Option(help="Output folder; finished parts there are kept.")],
    finetune: Annotated[bool, typer.Option("--finetune", help="Train every one.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Accuracy with and without normalisation, upscaling, sharing, by sequences: JSON, plot."""
    from bitrain.flow import load_config, run_ablation
    from bitrain.flow.tables import ablation_table

    result = run_ablation(load_config(config, data_dir), out, finetune=finetune, console=console)
    console.print(ablation_table(result))


@app.command()
def evaluate(
    network: NetworkFile,
    data: Annotated[str | None, typer.Option(help="Data set; the network's own.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Accuracy on the test images: golden model and integer baseline."""
    from bitrain.flow import accuracies

    result = accuracies(load_network(network), data, data_dir)
    console.print(
        f"{result['images']} test images: SC {result['sc']:.2f} %, "
        f"integer baseline {result['int_baseline']:.2f} %"
    )


@app.command()
def cost(
    network: NetworkFile, channels: Channels = 4, positions: Positions = 4, lanes: Lanes = 16
) -> None:
    """Cycles and memory accesses per layer, estimated."""
    from bitrain.flow.tables import cost_table

    array = _array(channels, positions, lanes, Sharing.SHARED)
    console.print(cost_table(estimate(load_network(network), array)))


@app.command()
def progressive(
    network: NetworkFile,
    *,
    data: Annotated[str | None, typer.Option(help="Data set; the network's own.")] = None,
    data_dir: DataDir = None,
    channels: Channels = 4,
    positions: Positions = 4,
    lanes: Lanes = 16,
    lengths: Annotated[str, typer.Option(help="Prefixes in cycles.")] = "4,8,16,32",
    tolerance: Annotated[
        float, typer.Option(help="Share of the calibration images that may stop wrongly, a rung.")
    ] = 0.001,
    images: Annotated[int | None, typer.Option(help="Test images; all.", min=1)] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for JSON and histogram.", file_okay=False)
    ] = None,
) -> None:
    """Accuracy at prefixes of the streams, and with early termination."""
    from bitrain.flow import dataset_of, evaluate_progressive, write_progressive
    from bitrain.flow.tables import progressive_table

    loaded = load_network(network)
    report = evaluate_progressive(
        loaded,
        _array(channels, positions, lanes, Sharing.SHARED),
        dataset_of(loaded, data, data_dir),
        lengths=_integers("--lengths", lengths),
        tolerance=tolerance,
        num_images=images,
    )
    console.print(progressive_table(report))
    for line in report.summary:
        console.print(line, soft_wrap=True)
    if out:
        write_progressive(report, out)
        console.print(f"wrote {out}", soft_wrap=True)


@app.command()
def generate(
    network: NetworkFile,
    *,
    out: Annotated[Path, typer.Option(help="IP folder to write.", show_default=False)],
    channels: Channels = 4,
    positions: Positions = 4,
    lanes: Lanes = 16,
    sharing: SharingOption = Sharing.SHARED,
    device: Annotated[str, typer.Option(help="FPGA, for constraints.")] = "ecp5-85k",
    name: Annotated[str | None, typer.Option(help="Verilog module; the network's name.")] = None,
    images: Images = 16,
    data: Annotated[str | None, typer.Option(help="Data set of the vectors; its own.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Write the IP folder: Verilog, ROM images, constraints, test bench."""
    from bitrain.flow import generate_with_testbench
    from bitrain.flow.tables import memory_table, needs_table
    from bitrain.gen import find_device, memory_needs, memory_problem

    array, loaded = _array(channels, positions, lanes, sharing), load_network(network)
    written = generate_with_testbench(
        loaded,
        array,
        out,
        name=name,
        device=device,
        num_images=images,
        data=data,
        data_dir=data_dir,
    )
    program, chosen = Program(loaded, array), find_device(device)
    console.print(memory_table(program))
    console.print(needs_table(memory_needs(program, chosen), chosen))
    if problem := memory_problem(program, chosen):
        console.print(f"[yellow]warning:[/] {problem}", soft_wrap=True, highlight=False)
    console.print(f"wrote {written}")


@app.command()
def simulate(
    ip: IpFolder,
    images: Annotated[int | None, typer.Option(help="Images; all vectors.", min=1)] = None,
    simulator: Annotated[Simulator, typer.Option(help="Which simulator.")] = "verilator",
    seed: Annotated[int, typer.Option(help="Of the random stalls.")] = 0,
    waves: Annotated[bool, typer.Option("--waves", help="Record all signals (FST).")] = False,
) -> None:
    """Simulate an IP folder and compare every stored value with the golden model."""
    from bitrain.bench import simulate as run_simulation

    report = run_simulation(ip, images=images, simulator=simulator, seed=seed, waves=waves)
    console.print(
        f"{report.simulator_version}: {report.mismatches} mismatches in "
        f"{report.values_compared:,} values, {report.images} images; cycles per image "
        f"{report.cycles[0]}, predicted {report.predicted_cycles}"
    )
    for problem in report.problems:
        console.print(problem, style="red", soft_wrap=True)
    if report.waves:
        console.print(f"waves: {report.waves}", soft_wrap=True)
    if not report.passed:
        raise typer.Exit(1)


@app.command()
def synth(
    ip: IpFolder,
    *,
    device: Annotated[str | None, typer.Option(help="FPGA; the folder's own.")] = None,
    route: Annotated[bool, typer.Option(help="Place and route after synthesis.")] = True,
    seed: Annotated[int, typer.Option(help="Of placement.")] = 1,
    frequency: Annotated[float | None, typer.Option(help="Target in MHz.")] = None,
    blocks: Annotated[bool, typer.Option("--blocks", help="Resources per block too.")] = False,
) -> None:
    """Synthesise, place and route an IP folder."""
    from bitrain.flow.tables import blocks_table, synthesis_table
    from bitrain.gen import measure_blocks, synthesise

    report = synthesise(ip, device, route=route, seed=seed, frequency=frequency)
    console.print(synthesis_table(report))
    if blocks:
        console.print(blocks_table(measure_blocks(ip, report.device)))


@app.command()
def recast(
    teacher: Annotated[str, typer.Argument(help="Trained weights: a name or a safetensors file.")],
    *,
    plan: Annotated[Path, typer.Option(help="Plan (YAML).", show_default=False)],
    out: Annotated[Path, typer.Option(help="Output folder; finished blocks there are kept.")],
    objective: Annotated[
        Literal["cycles"] | None, typer.Option(help="Find the rules for blocks that save these.")
    ] = None,
    budget: Annotated[
        float, typer.Option(help="Share of the teacher's, with --objective.", min=0.01, max=1)
    ] = 0.5,
    data_dir: DataDir = None,
) -> None:
    """Turn a trained network into one of other blocks, block by block."""
    from bitrain.flow import load_plan, run_recast
    from bitrain.flow.tables import recast_summary, recast_table

    share = budget if objective else None
    result = run_recast(load_plan(plan, data_dir), teacher, out, console, budget=share)
    console.print(recast_table(result))
    for line in recast_summary(result):
        console.print(line, soft_wrap=True)


@app.command()
def doctor() -> None:
    """List the external tools, their versions and how to get what is missing."""
    from bitrain.flow.tables import tools_table
    from bitrain.gen import find_tools

    console.print(tools_table(find_tools()))


@app.command()
def sequences(
    network: NetworkFile,
    *,
    out: Annotated[Path | None, typer.Option(help="New file; NETWORK.sequences.npz.")] = None,
    data: Annotated[str | None, typer.Option(help="Data set; the network's own.")] = None,
    data_dir: DataDir = None,
    images: Annotated[int, typer.Option(help="Training images of the check.", min=1)] = 1000,
    budget: Annotated[int, typer.Option(help="Pairs of sources to try.", min=1)] = 2000,
    seed: Annotated[int, typer.Option(help="Of the search.", min=0)] = 0,
) -> None:
    """Search the number sequences of least error on the network's own operands."""
    from bitrain.flow import dataset_of, find_sequences, sources_yaml
    from bitrain.flow.tables import correlation_table, stream_error_table, wirings_table

    loaded = load_network(network)
    out = out or network.with_suffix(".sequences.npz")
    if out.resolve() == network.resolve():
        raise BitrainError(f"--out {out}: would replace the network; name another file")
    dataset = dataset_of(loaded, data, data_dir)
    found = find_sequences(loaded, dataset, images=images, budget=budget, seed=seed, progress=True)
    for table in (
        stream_error_table(found.own, found.found),
        correlation_table(found.own, found.found),
        wirings_table(found.by_wirings),
    ):
        console.print(table)
    if found.sources:
        console.print(f"least error of {found.tried} pairs; to train with it:")
        text = sources_yaml(loaded, found.sources)
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"{found.images} training images: {found.own_accuracy:.2%} with the network's own "
        f"sequences, {found.found_accuracy:.2%} with those found",
        soft_wrap=True,
    )
    if found.network:
        save_network(found.network, out)
        console.print(f"wrote {out}", soft_wrap=True)
    else:
        console.print("the network's own sequences are as good or better: nothing written")


def _integers(option: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise BitrainError(f"{option} {text}: expected integers between commas") from error


def _array(channels: int, positions: int, lanes: int, sharing: Sharing) -> Array:
    for option, value, limit in (
        ("--channels", channels, 64),
        ("--positions", positions, 64),
        ("--lanes", lanes, 256),
    ):
        if not 1 <= value <= limit:
            raise BitrainError(f"{option} {value}: expected 1 … {limit}")
    return Array(channels=channels, positions=positions, lanes=lanes, sharing=sharing)


def main() -> None:
    """Entry point of ``bitrain``."""
    try:
        app()
    except BitrainError as error:
        Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {error}", highlight=False)
        sys.exit(2)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "bitrain":
            raise
        console = Console(stderr=True, soft_wrap=True)
        console.print(
            f"[bold red]error:[/] {package} is not installed; get it with: "
            "pip install 'bitrain\\[all]'",
            highlight=False,
        )
        sys.exit(2)
