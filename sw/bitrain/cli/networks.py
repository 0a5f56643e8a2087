"""Commands on networks: train and report, accuracy, cost, prefixes of streams, sequences."""

from pathlib import Path
from typing import Annotated

import typer

from .common import (
    ArithmeticOption,
    Channels,
    DataDir,
    Engines,
    Images,
    Lanes,
    NetworkFile,
    Positions,
    app,
    array_of,
    console,
    integers,
    margins,
    seeds_of,
)


@app.command()
def run(
    name: Annotated[
        Path | None,
        typer.Argument(
            metavar="CONFIG",
            help="Configuration (YAML), or the name of an example, such as digits.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The same as CONFIG.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Output folder, where finished steps are kept; build/NAME by default."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="Stop after this step, for instance export; see what is printed."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Train, export, generate, simulate, synthesise, report."""
    from bitrain.flow.config import load_config
    from bitrain.flow.pipeline import run_flow
    from bitrain.spec import BitrainError

    chosen = name or config
    if chosen is None or (name and config):
        raise BitrainError("give one configuration: bitrain run CONFIG, for instance digits")
    settings = load_config(chosen, data_dir)
    run_flow(settings, out or Path("build") / settings.name, until=until, console=console)


@app.command()
def accuracy(
    config: Annotated[Path, typer.Option(help="Configuration (YAML).", show_default=False)],
    out: Annotated[Path, typer.Option(help="Output folder; finished steps there are kept.")],
    seeds: Annotated[str, typer.Option(help="Trainings, comma-separated.")] = "0,1,2",
    data_dir: DataDir = None,
) -> None:
    """Accuracy by stream length, each trained for, medians over seeds: table, JSON, plot."""
    from bitrain.flow.config import load_config
    from bitrain.studies.accuracy import run_study

    from .render.studies import study_table

    study = run_study(load_config(config, data_dir), out, seeds_of(seeds), console)
    console.print(study_table(study))


@app.command()
def ablate(
    config: Annotated[Path, typer.Option(help="Configuration (YAML).", show_default=False)],
    out: Annotated[Path, typer.Option(help="Output folder; finished parts there are kept.")],
    finetune: Annotated[bool, typer.Option("--finetune", help="Train every one.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Accuracy with and without normalisation, upscaling, sharing, by sequences: JSON, plot."""
    from bitrain.flow.config import load_config
    from bitrain.studies.ablation import run_ablation

    from .render.studies import ablation_table

    result = run_ablation(load_config(config, data_dir), out, finetune=finetune, console=console)
    console.print(ablation_table(result))


@app.command()
def evaluate(
    network: NetworkFile,
    data: Annotated[str | None, typer.Option(help="Data set; the network's own.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Accuracy on the test images: golden model and integer baseline."""
    from bitrain.flow.networks import accuracies
    from bitrain.spec import load_network

    result = accuracies(load_network(network), data, data_dir)
    console.print(
        f"{result['images']} test images: SC {result['sc']:.2f} %, "
        f"integer baseline {result['int_baseline']:.2f} %"
    )


@app.command()
def cost(
    network: NetworkFile,
    *,
    channels: Channels = 4,
    positions: Positions = 4,
    lanes: Lanes = 16,
    arith: ArithmeticOption = "stochastic",
    engines: Engines = 1,
    multipliers: Annotated[
        int | None, typer.Option(help="The fastest P, Q, N of at most so many.", min=1)
    ] = None,
    skip_zeros: Annotated[
        bool, typer.Option("--skip-zeros", help="What that saves on test images.")
    ] = False,
    images: Images = 100,
    data: Annotated[str | None, typer.Option(help="Data set; the network's own.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Cycles and memory accesses per layer, estimated; or the arrays that take fewest."""
    from bitrain.accelerator import compile_network
    from bitrain.cost.array_shapes import fastest_arrays
    from bitrain.flow.networks import example_vectors
    from bitrain.program import AcceleratorConfig, Program
    from bitrain.spec import BitrainError, load_network
    from bitrain.studies.zero_chunks import measure_zeros

    from .render.cost import cost_table, shapes_table, zeros_table

    loaded = load_network(network)
    if multipliers is not None:
        if engines > 1 or skip_zeros:
            option = f"--engines {engines}" if engines > 1 else "--skip-zeros"
            raise BitrainError(
                f"--multipliers {multipliers}: arrays are compared for one engine that skips "
                f"nothing; leave out {option}, or give -P, -Q and -N"
            )
        console.print(shapes_table(fastest_arrays(loaded, multipliers, arith)))
        return
    array = array_of(channels, positions, lanes, arithmetic=arith)
    if skip_zeros:
        if engines > 1:
            raise BitrainError(
                f"--engines {engines}: zero chunks are of layers, whose cycles are the same in "
                "several engines; leave it out"
            )
        Program(loaded, array, skip_zeros=True)  # or says why not, before data are read
        vectors = example_vectors(loaded, images, data, data_dir)
        console.print(zeros_table(measure_zeros(loaded, array, vectors)))
        return
    found = compile_network(loaded, AcceleratorConfig(array=array, engines=engines)).cost
    for i, part in enumerate(found.parts):
        console.print(cost_table(part, f"engine {i}" if engines > 1 else ""))
    if engines > 1:
        console.print(
            f"{found.cycles:,} cycles from the last pixel to the first score, an image every "
            f"{found.image_cycles:,}",
            soft_wrap=True,
        )


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
    early_termination: Annotated[
        bool, typer.Option("--early-termination", help="Cycles of an accelerator that has it.")
    ] = False,
    ladder: Annotated[
        str | None, typer.Option(help="Margins in product bits, as 4=10,8=7; calibrated ones.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for JSON and histogram.", file_okay=False)
    ] = None,
) -> None:
    """Accuracy at prefixes of the streams, and with early termination."""
    from bitrain.flow.networks import dataset_of
    from bitrain.spec import load_network
    from bitrain.studies.progressive import evaluate_progressive, write_progressive

    from .render.studies import progressive_table

    loaded, prefixes = load_network(network), integers("--lengths", lengths)
    chosen = None if ladder is None else margins("--ladder", ladder)
    report = evaluate_progressive(
        loaded,
        array_of(channels, positions, lanes),
        dataset_of(loaded, data, data_dir),
        lengths=prefixes,
        tolerance=tolerance,
        num_images=images,
        early_termination=early_termination,
        ladder=chosen,
    )
    console.print(progressive_table(report))
    for line in report.summary:
        console.print(line, soft_wrap=True)
    if out:
        write_progressive(report, out)
        console.print(f"wrote {out}", soft_wrap=True)


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
    from bitrain.flow.networks import dataset_of
    from bitrain.sng.sequences import find_sequences
    from bitrain.spec import BitrainError, load_network, save_network

    from .render.sequences import print_sequences

    loaded = load_network(network)
    out = out or network.with_suffix(".sequences.npz")
    if out.resolve() == network.resolve():
        raise BitrainError(f"--out {out}: would replace the network; name another file")
    dataset = dataset_of(loaded, data, data_dir)
    found = find_sequences(loaded, dataset, images=images, budget=budget, seed=seed, progress=True)
    print_sequences(loaded, found, console)
    if found.network:
        save_network(found.network, out)
        console.print(f"wrote {out}", soft_wrap=True)
    else:
        console.print("the network's own sequences are as good or better: nothing written")
