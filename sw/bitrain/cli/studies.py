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
    images: common.EnergyImages = None,
    data: common.Data = None,
    data_dir: common.DataDir = None,
) -> None:
    """Synthesise arrays by themselves, with shared and unshared SNGs: table, JSON, plot."""
    from bitrain.flow.networks import example_vectors
    from bitrain.gen.asic.liberty import read_library
    from bitrain.spec import load_network
    from bitrain.studies.array_cost import measure_arrays, parse_sizes

    from .render.studies import arrays_table, energy_table

    _check_energy_options(context, liberty, images)
    loaded = load_network(network)
    found = measure_arrays(
        loaded,
        parse_sizes(sizes),
        out,
        console,
        device=device,
        library=None if liberty is None else read_library(liberty),
        images=None if images is None else example_vectors(loaded, images, data, data_dir),
    )
    console.print(arrays_table(found))
    if images is not None:
        console.print(energy_table(found))


@app.command()
def compare_arithmetic(
    context: Context,
    networks: Annotated[list[Path], Argument(help="Network files, one for each n.")],
    *,
    out: common.OutFolder,
    neurons: Annotated[str, Option(help="P x Q of all arrays.")] = "4x4",
    max_lanes: Annotated[
        int,
        Option(
            help="Most lanes N of a neuron that counts bits, W L or W n² of them.", min=1, max=256
        ),
    ] = 16,
    arithmetics: Annotated[
        str,
        Option(
            help="What to compare, between commas: stochastic (streams), binary (integers, in "
            "LUTs), dsp (these in DSP blocks), bitserial (integers bit by bit)."
        ),
    ] = "stochastic,binary,bitserial",
    width: common.Width = 1,
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
    images: common.EnergyImages = None,
    data: common.Data = None,
    data_dir: common.DataDir = None,
) -> None:
    """Synthesise streams and integers, arrays or all: images/s per 1,000 LUTs or mm², plot."""
    from bitrain.flow.networks import example_vectors
    from bitrain.gen.asic.liberty import read_library
    from bitrain.spec import load_network
    from bitrain.studies.arithmetic import measure_arithmetic, parse_kinds, parse_neurons

    from .render.studies import arithmetic_table, energy_table

    _check_energy_options(context, liberty, images)
    library = None if liberty is None else read_library(liberty)
    loaded = [load_network(network) for network in networks]
    vectors = None
    if images is not None:
        vectors = [example_vectors(network, images, data, data_dir) for network in loaded]
    result = measure_arithmetic(
        loaded,
        parse_neurons(neurons),
        out,
        console,
        device=device,
        clock_mhz=clock,
        kinds=parse_kinds(arithmetics),
        max_lanes=max_lanes,
        width=width,
        accuracies=accuracies,
        whole=whole,
        library=library,
        images=vectors,
    )
    console.print(arithmetic_table(result))
    if images is not None:
        console.print(energy_table(result))


@app.command()
def verdict(
    context: Context,
    folders: Annotated[
        list[Path],
        Argument(help="Folders of `bitrain accuracy`: of streams and integers, and of OR groups."),
    ],
    *,
    out: common.OutFolder,
    neurons: Annotated[str, Option(help="P x Q of all accelerators.")] = "8x8",
    lanes: Annotated[
        str, Option(help="Most lanes N of a neuron that counts bits, to choose from.")
    ] = "16,32",
    arithmetics: Annotated[
        str,
        Option(
            help="What to compare, between commas: stochastic (streams), or (streams in OR "
            "groups), binary (integers, in LUTs), dsp (these in DSP blocks), bitserial (integers "
            "bit by bit)."
        ),
    ] = "stochastic,or,binary,dsp,bitserial",
    widths: Annotated[str, Option(help="Widths W to choose from, between commas.")] = "1,2,4,8",
    least: Annotated[
        float | None,
        Option(
            help="Accuracy (%) from which to compare; by default half a point below float.",
            min=0,
            max=100,
        ),
    ] = None,
    clock: Annotated[
        float,
        Option(help="Clock in MHz: W and N are chosen at it, routing aims at it.", min=1, max=2000),
    ] = 80,
    route: Annotated[
        bool, Option(help="Place and route each in the end; without, all is at --clock.")
    ] = True,
    device: common.Device = "ecp5-85k",
    liberty: Annotated[
        Path | None,
        Option(help="Standard cells (a Liberty file) that the arrays are mapped to as well."),
    ] = None,
    images: common.EnergyImages = None,
    data: common.Data = None,
    data_dir: common.DataDir = None,
) -> None:
    """Which arithmetic pays: whole accelerators at equal accuracy, Pareto curves, in words."""
    from bitrain.flow.networks import dataset_of
    from bitrain.gen.asic.liberty import read_library
    from bitrain.studies.arithmetic import parse_neurons
    from bitrain.studies.contenders import find_contenders
    from bitrain.studies.verdict import measure_verdict, parse_families, parse_lanes, parse_widths

    from .render.studies import verdict_cells_table, verdict_table

    if liberty is None:
        check_used(context, ["images"], "without --liberty")
    contenders = find_contenders(folders, parse_families(arithmetics))
    result = measure_verdict(
        contenders,
        parse_neurons(neurons),
        dataset_of(contenders[0].networks[0], data, data_dir),
        out,
        console,
        widths=parse_widths(widths),
        lanes=parse_lanes(lanes),
        device=device,
        clock_mhz=clock,
        route=route,
        least=least,
        library=None if liberty is None else read_library(liberty),
        images=images,
    )
    console.print(verdict_table(result))
    if liberty is not None:
        console.print(verdict_cells_table(result))
    for line in result["summary"]:
        console.print(line, soft_wrap=True)
    console.print(f"wrote {out}", soft_wrap=True)


def _check_energy_options(context: Context, liberty: Path | None, images: int | None) -> None:
    """Raise :class:`BitrainError` for options that others leave without effect."""
    if liberty is not None:
        check_used(context, ["device"], "with --liberty")
    else:
        check_used(context, ["images"], "without --liberty")
    if images is None:
        check_used(context, ["data", "data_dir"], "without --images")


@app.command()
def pooled(*, out: common.OutFolder, device: common.Device = "ecp5-25k") -> None:
    """Synthesise pooled neurons by themselves, in counter and stream mode: errors, LUTs, JSON."""
    from bitrain.studies.pooled_neurons import MEMBERS, measure_pooled_neurons

    from .render.studies import pooled_table

    console.print(pooled_table(measure_pooled_neurons(out, device), MEMBERS))


@app.command()
def faults(
    network: common.NetworkFile,
    *,
    out: common.OutFolder,
    data: common.Data = None,
    data_dir: common.DataDir = None,
    images: Annotated[
        int | None, Option(help="How many test images, spread evenly; by default all.")
    ] = None,
    rates: Annotated[
        str, Option(help="Probabilities that a bit flips for an image, rising, between commas.")
    ] = "1e-5,1e-4,1e-3,1e-2,1e-1",
    seeds: Annotated[int, Option(help="How many seeds; medians and spread are over them.")] = 20,
    sites: Annotated[
        str,
        Option(
            help="What bits flip: streams (of integers: operands, or selected bits), sources "
            "(number sequences), weights, counters, activations; between commas."
        ),
    ] = "streams,sources,weights,counters,activations",
    arithmetics: Annotated[
        str,
        Option(
            help="stochastic (streams), binary (integers of as many bits), bitserial (these bit by "
            "bit); between commas."
        ),
    ] = "stochastic,binary,bitserial",
    channels: common.Channels = 4,
    positions: common.Positions = 4,
    lanes: common.Lanes = 16,
) -> None:
    """Accuracy against the rate of bit flips, streams beside integers: table, JSON, plot."""
    from bitrain.flow.networks import dataset_of
    from bitrain.spec import load_network
    from bitrain.studies.faults import measure_faults, parse_rates

    from .render.studies import faults_table

    loaded = load_network(network)
    result = measure_faults(
        loaded,
        array_of(channels, positions, lanes),
        dataset_of(loaded, data, data_dir),
        out,
        console,
        rates=parse_rates(rates),
        num_seeds=seeds,
        sites=sites.split(","),
        arithmetics=arithmetics.split(","),
        num_images=images,
    )
    console.print(faults_table(result))
    for line in result["summary"]:
        console.print(line, soft_wrap=True)
    console.print(f"wrote {out}", soft_wrap=True)


@app.command()
def calibrate_resources(
    *,
    out: common.OutFolder,
    device: common.Device = "ecp5-85k",
    samples: Annotated[
        int, Option(help="Accelerators drawn at random that the model is fitted to.", min=20)
    ] = 90,
    held_out: Annotated[
        int, Option(help="Further ones, which only say how large its errors are.", min=0)
    ] = 30,
) -> None:
    """Fit the resource model of a family to synthesised samples (hours): table, JSON, plot."""
    from bitrain.studies.calibration import calibrate

    from .render.studies import errors_table

    _, result = calibrate(device, out, console, samples=samples, held_out=held_out)
    console.print(errors_table(result))
    console.print(f"wrote {out}", soft_wrap=True)


@app.command()
def sweep(
    config: common.ConfigFile,
    out: common.OutFolder,
    *,
    grid: Annotated[
        list[str],
        Option(
            help="FIELD=VALUE,VALUE of the configuration, as sc.bits=3,4,5; or short: n, L, "
            "sequences, P, Q, N, W, sharing. All combinations of several are points.",
            metavar="FIELD=VALUES",
        ),
    ],
    seeds: common.Seeds = "0",
    finetune: Annotated[
        bool,
        Option(help="Fine-tune each network (hours); without: what conversion alone loses."),
    ] = False,
    device: Annotated[
        str | None,
        Option(help="FPGA whose resources are estimated; by default the configuration's."),
    ] = None,
    workers: Annotated[int, Option(help="Processes that train and judge.", min=1)] = 1,
    scheduler: Annotated[
        str | None, Option(help="Address of a Dask cluster in their place, as tcp://host:8786.")
    ] = None,
    data_dir: common.DataDir = None,
) -> None:
    """Sweep any grid of configuration fields: accuracy, error, cycles, LUTs as CSV and plots."""
    from bitrain.studies.sweep import Plan, run_sweep

    from .render.studies import sweep_table

    plan = Plan(
        config=config,
        grid=tuple(grid),
        seeds=tuple(seeds_of(seeds)),
        finetune=finetune,
        device=device,
        data_dir=data_dir,
        workers=workers,
        scheduler=scheduler,
    )
    result = run_sweep(plan, out, console)
    console.print(sweep_table(result))
    for name in result["without_resources"]:
        console.print(
            f"{name}: the package has no table of resources for its family; these columns are empty"
        )
    files = "sweep.csv, sweep.json, sweep.svg, sweep_cost.svg"
    console.print(f"wrote {out}: {files}", soft_wrap=True)
