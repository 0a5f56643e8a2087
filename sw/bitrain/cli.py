"""The command line: reads arguments, calls the flow, prints one line for a user's mistake."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from bitrain.spec import Array, BitrainError, Sharing, estimate, load_network

# Torch's OpenMP threads otherwise spin while they wait for each other: with one other program on
# the same cores, training became a hundred times slower. Read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    help="From a PyTorch CNN to a stochastic-computing accelerator on an FPGA.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()

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
) -> None:
    """Train, export, generate, simulate, synthesise, report."""
    from bitrain.flow import load_config, run_flow

    run_flow(load_config(config), out, until=until, console=console)


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

    array = _array(channels, positions, lanes, sharing)
    written = generate_with_testbench(
        load_network(network),
        array,
        out,
        name=name,
        device=device,
        num_images=images,
        data=data,
        data_dir=data_dir,
    )
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
def doctor() -> None:
    """List the external tools, their versions and how to get what is missing."""
    from bitrain.flow.tables import tools_table
    from bitrain.gen import find_tools

    console.print(tools_table(find_tools()))


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
