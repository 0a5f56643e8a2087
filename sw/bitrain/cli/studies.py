"""Studies: many trainings or circuits for one table, with its JSON and plot."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Option

from . import common
from .common import app, array_of, check_used, console, integers, margins, seeds_of


@app.command()
def accuracy(
    config: common.ConfigFile,
    out: common.OutFolder,
    seeds: common.Seeds = "0,1,2",
    data_dir: common.DataDir = None,
) -> None:
    """Accuracy by stream length, each trained for, medians over seeds: table, JSON, plot."""
    from bitrain.flow.config import load_config
    from bitrain.studies.accuracy import run_study

    from .render.studies import anytime_table, study_table

    study = run_study(load_config(config, data_dir), out, seeds_of(seeds), console)
    console.print(study_table(study))
    if "anytime" in study:
        console.print(anytime_table(study))


@app.command()
def ablate(
    config: common.ConfigFile,
    out: common.OutFolder,
    *,
    finetune: Annotated[
        bool, Option("--finetune", help="Fine-tune each (hours); without: what conversion loses.")
    ] = False,
    seeds: common.Seeds = "0",
    scaling: Annotated[
        bool, Option(help="Also without normalisation and upscaling, or sequences alone.")
    ] = True,
    data_dir: common.DataDir = None,
) -> None:
    """Accuracy with and without normalisation, upscaling, sharing, by sequences: JSON, plot."""
    from bitrain.flow.config import load_config
    from bitrain.studies.ablation import run_ablation

    from .render.studies import ablation_table

    result = run_ablation(
        load_config(config, data_dir),
        out,
        seeds=seeds_of(seeds),
        finetune=finetune,
        scaling=scaling,
        console=console,
    )
    console.print(ablation_table(result))


@app.command()
def progressive(
    network: common.NetworkFile,
    *,
    data: common.Data = None,
    data_dir: common.DataDir = None,
    channels: common.Channels = 4,
    positions: common.Positions = 4,
    lanes: common.Lanes = 16,
    width: common.Width = 1,
    lengths: Annotated[
        str | None,
        Option(
            help="Prefixes in cycles, rising powers of two between commas; 4, 8, 16 and 32 by "
            "default, up to the network's own."
        ),
    ] = None,
    tolerance: Annotated[
        float | None,
        Option(
            help="Choose exits that cost at most so many points of accuracy on training images; "
            "else the network's own, or 0.1."
        ),
    ] = None,
    images: Annotated[
        int | None, Option(help="How many test images; by default all.", min=1)
    ] = None,
    early_termination: Annotated[
        bool,
        Option(
            "--early-termination",
            help="Count the cycles of an accelerator generated with --early-termination; without, "
            "of one with --run-time-length.",
        ),
    ] = False,
    ladder: Annotated[
        str | None,
        Option(help="Margins to stop at by length, in product bits: 4=10,8=7; else calibrated."),
    ] = None,
    out: Annotated[
        Path | None, Option(help="Folder for JSON and histogram; none by default.", file_okay=False)
    ] = None,
) -> None:
    """Accuracy at prefixes of the streams, and with early termination."""
    from bitrain.flow.networks import dataset_of
    from bitrain.spec import load_network
    from bitrain.studies.progressive import evaluate_progressive, write_progressive

    from .render.studies import by_class_table, by_tolerance_table, progressive_table

    loaded = load_network(network)
    prefixes = None if lengths is None else integers("--lengths", lengths)
    chosen = None if ladder is None else margins("--ladder", ladder)
    report = evaluate_progressive(
        loaded,
        array_of(channels, positions, lanes, width=width),
        dataset_of(loaded, data, data_dir),
        lengths=prefixes,
        tolerance=tolerance,
        num_images=images,
        early_termination=early_termination,
        ladder=chosen,
    )
    console.print(progressive_table(report))
    console.print(by_class_table(report))
    if report.by_tolerance:
        console.print(by_tolerance_table(report))
    for line in report.summary:
        console.print(line, soft_wrap=True)
    if out:
        write_progressive(report, out)
        console.print(f"wrote {out}", soft_wrap=True)


@app.command()
def arrays(
    context: Context,
    network: common.NetworkFile,
    *,
    out: common.OutFolder,
    sizes: Annotated[
        str, Option(help="Arrays to synthesise: P x Q x N between commas.")
    ] = "2x2x16,4x4x16,8x8x16,8x8x32",
    device: common.Device = "ecp5-85k",
    liberty: common.Liberty = None,
) -> None:
    """Synthesise arrays by themselves, with shared and unshared SNGs: table, JSON, plot."""
    from bitrain.gen.asic.liberty import read_library
    from bitrain.spec import load_network
    from bitrain.studies.array_cost import measure_arrays, parse_sizes

    from .render.studies import arrays_table

    if liberty is not None:
        check_used(context, ["device"], "with --liberty")
    library = None if liberty is None else read_library(liberty)
    found = measure_arrays(
        load_network(network), parse_sizes(sizes), out, console, device=device, library=library
    )
    console.print(arrays_table(found))


@app.command()
def compare_arithmetic(
    context: Context,
    networks: Annotated[list[Path], Argument(help="Network files, one for each n.")],
    *,
    out: common.OutFolder,
    neurons: Annotated[str, Option(help="P x Q of all arrays.")] = "4x4",
    max_lanes: Annotated[
        int,
        Option(help="Most lanes N of a neuron of streams, which has L up to here.", min=1, max=256),
    ] = 16,
    clock: Annotated[
        float,
        Option(help="Clock in MHz: of arrays, assumed; of --whole, the target.", min=1, max=2000),
    ] = 80,
    whole: Annotated[
        bool, Option("--whole", help="Place and route whole accelerators, not the arrays alone.")
    ] = False,
    accuracies: Annotated[
        Path | None,
        Option(help="JSON of `bitrain accuracy`, whose accuracies stand beside; none by default."),
    ] = None,
    device: common.Device = "ecp5-85k",
    liberty: common.Liberty = None,
) -> None:
    """Synthesise streams and integers, arrays or all: images/s per 1,000 LUTs or mm², plot."""
    from bitrain.gen.asic.liberty import read_library
    from bitrain.spec import load_network
    from bitrain.studies.arithmetic import measure_arithmetic, parse_neurons

    from .render.studies import arithmetic_table

    if liberty is not None:
        check_used(context, ["device"], "with --liberty")
    result = measure_arithmetic(
        [load_network(network) for network in networks],
        parse_neurons(neurons),
        out,
        console,
        device=device,
        clock_mhz=clock,
        max_lanes=max_lanes,
        accuracies=accuracies,
        whole=whole,
        library=None if liberty is None else read_library(liberty),
    )
    console.print(arithmetic_table(result))


@app.command()
def pooled(*, out: common.OutFolder, device: common.Device = "ecp5-25k") -> None:
    """Synthesise pooled neurons by themselves, in counter and stream mode: errors, LUTs, JSON."""
    from bitrain.studies.pooled_neurons import MEMBERS, measure_pooled_neurons

    from .render.studies import pooled_table

    console.print(pooled_table(measure_pooled_neurons(out, device), MEMBERS))
