"""The explorer: which accelerator is best for networks and a device."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Context, Option

from . import common
from .common import app, check_used, console, seeds_of


@app.command()
def explore(
    context: Context,
    networks: Annotated[
        list[Path],
        Argument(
            help="Network files (.npz); --out folders of `bitrain accuracy`, whose networks all "
            "compete; configurations (YAML), or names of examples, which `bitrain accuracy` trains "
            "first, in the output folder."
        ),
    ],
    *,
    out: common.OutFolder,
    device: common.Device = "ecp5-85k",
    objective: Annotated[
        Literal["images/s", "latency", "images/s-per-lut", "array-energy"],
        Option(help="What to search for; array-energy needs --liberty."),
    ] = "images/s",
    min_accuracy: Annotated[
        float, Option(help="Least accuracy on the test images, in %.", min=0, max=100)
    ] = 0,
    max_lut: Annotated[
        int | None, Option(help="Most LUTs; by default all that the device has.", min=1)
    ] = None,
    arithmetics: Annotated[
        str,
        Option(
            help="What may compete: stochastic (streams), or (streams in OR groups), binary, dsp, "
            "bitserial (integers); between commas."
        ),
    ] = "stochastic,or,binary,dsp,bitserial",
    channels: Annotated[
        str, Option("--channels", "-P", help="P to choose from.")
    ] = "1,2,4,8,16,32",
    positions: Annotated[str, Option("--positions", "-Q", help="Q to choose from.")] = "1,2,4,8,16",
    lanes: Annotated[
        str | None,
        Option(
            "--lanes",
            "-N",
            help="N to choose from; by default 1, 2 and 4 times a network's lanes, and for "
            "integers 1 to 32.",
        ),
    ] = None,
    widths: Annotated[str, Option("--widths", "-W", help="W to choose from.")] = "1,2,4,8",
    engines: Annotated[str, Option("--engines", "-E", help="Numbers of engines.")] = "1",
    interface: Annotated[
        Literal["raw", "axi"] | None,
        Option(help="Ports; by default raw, or axi where its registers choose how images run."),
    ] = None,
    weights: Annotated[
        Literal["rom", "ram", "stream"],
        Option(
            help="Weights are fixed, can be loaded (axi), or come from outside at a beat a cycle."
        ),
    ] = "rom",
    trials: Annotated[
        int,
        Option(
            help="At most so many designs are looked at: all of a space that is no larger, else "
            "those that Optuna proposes.",
            min=1,
        ),
    ] = 20_000,
    seed: Annotated[int, Option(help="Of Optuna's proposals.", min=0)] = 0,
    verify: Annotated[
        int, Option(help="Synthesise and route so many of the best.", min=0, max=100)
    ] = 0,
    workers: Annotated[int, Option(help="Processes that look at designs.", min=1)] = 1,
    scheduler: Annotated[
        str | None, Option(help="Address of a Dask cluster in their place, as tcp://host:8786.")
    ] = None,
    liberty: Annotated[
        Path | None,
        Option(
            help="Standard cells (a Liberty file): also the array's energy an image, from a few "
            "small arrays that are mapped to them (minutes)."
        ),
    ] = None,
    images: Annotated[
        int, Option(help="With --liberty: test images whose operands are simulated.", min=1)
    ] = 100,
    seeds: Annotated[
        str, Option(help="With a configuration: one training for each, between commas.")
    ] = "0",
    data: common.Data = None,
    data_dir: common.DataDir = None,
) -> None:
    """Find the best accelerator for networks and a device, without synthesis: table, CSV, page."""
    from bitrain.explore.cells import Cells
    from bitrain.explore.explore import Plan, accelerators_of, competitors
    from bitrain.explore.explore import explore as search
    from bitrain.explore.search import Goal
    from bitrain.explore.space import Space
    from bitrain.flow.networks import dataset_of
    from bitrain.gen.asic.liberty import read_library
    from bitrain.gen.families.devices import find_device
    from bitrain.resources.model import needed_model
    from bitrain.spec import BitrainError
    from bitrain.studies.verdict import parse_families, parse_lanes, parse_widths

    from .render.explore import best_table, front_tables

    needed_model(find_device(device))  # or says what is missing, before data are read
    if out.exists() and not out.is_dir():
        raise BitrainError(f"{out} is a file; choose another output folder")
    sizes = {
        "channels": common.integers("--channels", channels),
        "positions": common.integers("--positions", positions),
        "engines": common.integers("--engines", engines),
    }
    for name, limit in ("channels", 64), ("positions", 64), ("engines", 64):
        if not all(1 <= each <= limit for each in sizes[name]):
            given = ",".join(map(str, sizes[name]))
            raise BitrainError(f"--{name} {given}: expected numbers of 1 … {limit}")
    families, library = parse_families(arithmetics), liberty and read_library(liberty)
    chosen = (parse_widths(widths), parse_lanes(lanes) if lanes else [])
    if liberty is None:
        check_used(context, ["images"], "without --liberty")
        if objective == "array-energy":
            raise BitrainError(
                "--objective array-energy: needs --liberty FILE, standard cells for arrays"
            )
    trained = [_is_configuration(path) for path in networks]
    if not any(trained):
        check_used(context, ["seeds"], "without a configuration (YAML)")
    folders = [
        _train(path, out, seeds_of(seeds), data_dir) if to_train else path
        for path, to_train in zip(networks, trained, strict=True)
    ]
    found = competitors(folders, families)
    dataset = dataset_of(found[0].networks[0], data, data_dir)
    space = Space(
        accelerators=accelerators_of(found, dataset, out, console),
        **{name: tuple(values) for name, values in sizes.items()},
        widths=tuple(chosen[0]),
        lanes=tuple(chosen[1]),
        interface=interface,
        weights=weights,
    )
    cells = None
    if library:
        pixels = dataset.examples(images)[0]
        cells = Cells(out=out, library=library, images=pixels)
        space = cells.of_space(space, console)
    goal = Goal(objective=objective, least_accuracy=min_accuracy, most_lut=max_lut)
    plan = Plan(
        device=device,
        data=[
            word
            for option, value in (("--data", data), ("--data-dir", data_dir))
            if value is not None
            for word in (option, str(value))
        ],
        trials=trials,
        seed=seed,
        verify=verify,
        workers=workers,
        scheduler=scheduler,
    )
    result = search(space, goal, plan, out, console, cells=cells)
    for table in front_tables(result):
        console.print(table)
    console.print(best_table(result))
    top = result["best"][0]
    console.print(f"The best: {top['command']}", soft_wrap=True, highlight=False)
    if top["registers"]:
        console.print(f"Registers: {top['registers']}", soft_wrap=True, highlight=False)
    console.print(f"wrote {out}: explore.html, explore.csv, explore.json", soft_wrap=True)


def _is_configuration(path: Path) -> bool:
    return path.suffix in (".yaml", ".yml") or not (path.suffix or path.exists())


def _train(path: Path, out: Path, seeds: list[int], data_dir: Path | None) -> Path:
    """The folder of what `bitrain accuracy` trains of a configuration."""
    from bitrain.flow.config import load_config
    from bitrain.studies.accuracy import run_study

    config = load_config(path, data_dir)
    folder = out / "networks" / config.name
    run_study(config, folder, seeds, console)
    return folder
