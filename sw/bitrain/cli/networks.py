"""Commands on a network file: accuracy, cost, what it loses, search of number sequences."""

from math import inf
from pathlib import Path
from typing import Annotated
from zipfile import is_zipfile

from typer import Argument, Context, Option

from . import common
from .common import app, array_of, check_used, console, last_array_of


@app.command()
def evaluate(
    network: common.NetworkFile, data: common.Data = None, data_dir: common.DataDir = None
) -> None:
    """Accuracy on the test images: golden model, and the same numbers in exact integers."""
    from bitrain.flow.networks import accuracies
    from bitrain.spec import load_network

    result = accuracies(load_network(network), data, data_dir)
    console.print(
        f"{result['images']} test images: SC {result['sc']:.2f} %, the same numbers in exact "
        f"integers {result['int_baseline']:.2f} %",
        soft_wrap=True,
    )


@app.command()
def predict(
    network: common.NetworkFile,
    images: Annotated[list[Path], Argument(help="PNG, JPEG or BMP files.")],
    *,
    resize: Annotated[
        bool, Option("--resize", help="Bring the images to the network's size.")
    ] = False,
) -> None:
    """What the network says of images: class, scores in product bits, margin (golden model)."""
    from bitrain.flow.predict import predict as predicted
    from bitrain.spec import load_network

    from .render.predict import predictions_table

    console.print(predictions_table(predicted(load_network(network), images, resize=resize)))


@app.command()
def cost(
    context: Context,
    network: common.NetworkFile,
    *,
    channels: common.Channels = 4,
    positions: common.Positions = 4,
    lanes: common.Lanes = 16,
    width: common.Width = 1,
    arith: common.ArithmeticOption = "stochastic",
    dsp: common.Dsp = False,
    engines: common.Engines = 1,
    last_array: common.LastArray = None,
    device: common.Device = "ecp5-85k",
    multipliers: Annotated[
        int | None,
        Option(help="List the fastest arrays of at most so many multipliers instead.", min=1),
    ] = None,
    skip_zeros: Annotated[
        bool,
        Option("--skip-zeros", help="Show what `generate --skip-zeros` would save on test images."),
    ] = False,
    weights: common.WeightsOption = "rom",
    weight_beat: common.WeightBeat = 64,
    bandwidth: Annotated[
        float | None,
        Option(
            help="Of each weight stream, in Gbit/s; by default a beat a cycle.", min=1e-6, max=1e6
        ),
    ] = None,
    clock: Annotated[
        float | None,
        Option(help="Clock in MHz for --weights stream; by default 100.", min=1, max=2000),
    ] = None,
    images: common.Images = 100,
    data: common.Data = None,
    data_dir: common.DataDir = None,
) -> None:
    """Cycles per layer and resources of a device, estimated; or the arrays that take fewest."""
    from bitrain.accelerator import compile_network
    from bitrain.cost.array_shapes import fastest_arrays
    from bitrain.flow.networks import example_vectors
    from bitrain.gen.families.devices import find_device
    from bitrain.program import AcceleratorConfig, Interface, Program
    from bitrain.spec import BitrainError, load_network
    from bitrain.studies.zero_chunks import measure_zeros

    from .render.bandwidth import print_bandwidths
    from .render.cost import cost_table, shapes_table, zeros_table
    from .render.resources import print_resources

    if multipliers is not None:
        others = ("channels", "positions", "lanes", "width", "engines", "last_array")
        others += ("skip_zeros", "weights", "weight_beat", "bandwidth", "clock", "dsp", "device")
        check_used(context, others, "with --multipliers, which compares arrays of all shapes")
    if not skip_zeros or multipliers is not None:
        check_used(context, ("images", "data", "data_dir"), "without --skip-zeros")
    if weights != "stream":
        check_used(context, ("weight_beat", "bandwidth", "clock"), "without --weights stream")
    loaded = load_network(network)
    if multipliers is not None:
        console.print(shapes_table(fastest_arrays(loaded, multipliers, arith)))
        return
    array = array_of(channels, positions, lanes, arithmetic=arith, width=width, dsp=dsp)
    chosen = find_device(device)
    if skip_zeros:
        check_used(context, ("device",), "with --skip-zeros")
        if engines > 1:
            raise BitrainError(
                f"--engines {engines}: zero chunks are of layers, whose cycles are the same in "
                "several engines; leave it out"
            )
        Program(loaded, array, skip_zeros=True)  # or says why not, before data are read
        vectors = example_vectors(loaded, images, data, data_dir)
        console.print(zeros_table(measure_zeros(loaded, array, vectors)))
        return
    config = AcceleratorConfig(
        array=array,
        engines=engines,
        last_array=last_array_of(last_array, array),
        interface=Interface.usual("axi" if weights == "ram" else "raw"),
        weights=weights,
        weight_beat=weight_beat,
    )
    compiled = compile_network(loaded, config)
    found = compiled.cost
    for i, part in enumerate(found.parts):
        console.print(cost_table(part, f"engine {i}" if engines > 1 else ""))
    if engines > 1:
        rate = f"an image every {found.initiation_interval:,}"
        latency = f"{found.latency:,} cycles from the last pixel to the first score"
        console.print(f"{latency}, {rate}", soft_wrap=True)
    print_resources(compiled, chosen, console)
    print_bandwidths(compiled, clock or 100, console, bandwidth=bandwidth, prefixes=True)


@app.command()
def diagnose(
    context: Context,
    network: common.NetworkFile,
    *,
    model: Annotated[
        str | None,
        Option(help="Float model to compare with, as `convert` takes it; by default its own."),
    ] = None,
    weights: Annotated[
        str | None, Option(help="Trained weights of the model: .safetensors, or a .pt.")
    ] = None,
    data: common.Data = None,
    data_dir: common.DataDir = None,
    images: Annotated[
        int | None,
        Option(
            help="Training images to hold out and measure on; by default 500, at most a fifth.",
            min=1,
        ),
    ] = None,
    fix: Annotated[
        bool, Option("--fix", help="Try what helps, and write OUT/fixed.npz with what is kept.")
    ] = False,
    finetune: Annotated[
        int, Option(help="With --fix: epochs of training in the accelerator's arithmetic.", min=0)
    ] = 0,
    learning_rate: Annotated[float, Option(help="Of the fine-tuning.")] = 1e-3,
    max_slowdown: Annotated[
        float | None,
        Option(help="With --fix: most times the present cycles of a product; 1 keeps the speed."),
    ] = None,
    test_images: Annotated[
        int | None,
        Option(help="With --fix: test images to say what came of it; by default all.", min=1),
    ] = None,
    out: Annotated[
        Path | None,
        Option(help="Folder for JSON, plot and network; none by default.", file_okay=False),
    ] = None,
) -> None:
    """Where a network loses accuracy, layer by layer, and what helps: table, JSON, plot."""
    from bitrain.diagnose import diagnose as diagnosed
    from bitrain.diagnose import repair, write_diagnosis
    from bitrain.flow.diagnosis import admit
    from bitrain.spec import BitrainError, load_network
    from bitrain.train.config import FineTuneConfig

    from .render.diagnosis import print_diagnosis, print_repair

    if not fix:
        check_used(context, ("finetune", "max_slowdown", "test_images"), "without --fix")
    if not finetune:
        check_used(context, ("learning_rate",), "without --finetune")
    if fix and out is None:
        raise BitrainError("--fix writes a network; give --out FOLDER")
    if not 0 < learning_rate < inf:
        raise BitrainError(f"--learning-rate {learning_rate:g}: expected a number above 0")
    if max_slowdown is not None and not 1 <= max_slowdown < inf:
        raise BitrainError(f"--max-slowdown {max_slowdown:g}: expected a number from 1")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # or says why not, before anything is measured
    tuning = FineTuneConfig(epochs=finetune, learning_rate=learning_rate, distillation=0.5)
    case, reference = admit(
        load_network(network),
        data=data,
        data_dir=data_dir,
        model=model,
        weights=weights,
        images=images,
        test_images=test_images,
        tuning=tuning if finetune else None,
    )
    held_out = case.dataset.test_images, case.dataset.test_labels
    found = diagnosed(case.network, *held_out, case.chain, reference=reference, progress=True)
    print_diagnosis(found, console)
    if out is None:
        return
    write_diagnosis(found, out)
    if fix:
        done = repair(case, found, out, max_slowdown=max_slowdown, console=console)
        print_repair(done, console)
    console.print(f"wrote {out}", soft_wrap=True)


@app.command()
def sequences(
    network: common.NetworkFile,
    *,
    out: Annotated[
        Path | None, Option(help="File to write; by default NETWORK.sequences.npz.")
    ] = None,
    data: common.Data = None,
    data_dir: common.DataDir = None,
    images: Annotated[
        int, Option(help="At most so many training images, on which accuracy must not fall.", min=1)
    ] = 1000,
    budget: Annotated[
        int, Option(help="Pairs of sources to try; time grows with it.", min=1)
    ] = 2000,
    seed: Annotated[
        int, Option(help="Another seed tries other pairs; the same, the same.", min=0)
    ] = 0,
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
    if out.exists() and not is_zipfile(out):
        raise BitrainError(f"--out {out}: exists and is no network file; name another file")
    dataset = dataset_of(loaded, data, data_dir)
    found = find_sequences(loaded, dataset, images=images, budget=budget, seed=seed, progress=True)
    print_sequences(loaded, found, console)
    if found.network:
        save_network(found.network, out)
        console.print(f"wrote {out}", soft_wrap=True)
    else:
        console.print("the network's own sequences are as good or better: nothing written")
