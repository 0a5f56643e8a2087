"""The explorer: which accelerator is best for networks and a device."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from . import common
from .common import app, console


@app.command()
def explore(
    networks: Annotated[
        list[Path],
        Argument(
            help="Network files (.npz), or --out folders of `bitrain accuracy`: then all that was "
            "trained there competes.",
            exists=True,
        ),
    ],
    *,
    out: common.OutFolder,
    device: common.Device = "ecp5-85k",
    objective: Annotated[
        Literal["images/s", "latency", "images/s-per-lut"], Option(help="What is best.")
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
        Literal["rom", "ram"], Option(help="Weights are fixed, or can be loaded (axi only).")
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
    data: common.Data = None,
    data_dir: common.DataDir = None,
) -> None:
    """Find the best accelerator for networks and a device, without synthesis: table, CSV, page."""
    from bitrain.explore.explore import Plan, accelerators_of, competitors
    from bitrain.explore.explore import explore as search
    from bitrain.explore.search import Goal
    from bitrain.explore.space import Space
    from bitrain.flow.networks import dataset_of
    from bitrain.gen.families.devices import find_device
    from bitrain.resources.model import needed_model
    from bitrain.spec import BitrainError
    from bitrain.studies.verdict import parse_families, parse_lanes, parse_widths

    from .render.explore import best_table, front_tables

    needed_model(find_device(device))  # or says what is missing, before data are read
    sizes = {
        "channels": common.integers("--channels", channels),
        "positions": common.integers("--positions", positions),
        "engines": common.integers("--engines", engines),
    }
    for name, limit in ("channels", 64), ("positions", 64), ("engines", 64):
        if not all(1 <= each <= limit for each in sizes[name]):
            raise BitrainError(f"--{name} {sizes[name]}: expected numbers of 1 … {limit}")
    found = competitors(networks, parse_families(arithmetics))
    chosen = (parse_widths(widths), parse_lanes(lanes) if lanes else [])
    dataset = dataset_of(found[0].networks[0], data, data_dir)
    space = Space(
        accelerators=accelerators_of(found, dataset, out, console),
        **{name: tuple(values) for name, values in sizes.items()},
        widths=tuple(chosen[0]),
        lanes=tuple(chosen[1]),
        interface=interface,
        weights=weights,
    )
    goal = Goal(objective=objective, least_accuracy=min_accuracy, most_lut=max_lut)
    plan = Plan(
        device=device,
        trials=trials,
        seed=seed,
        verify=verify,
        workers=workers,
        scheduler=scheduler,
    )
    result = search(space, goal, plan, out, console)
    for table in front_tables(result):
        console.print(table)
    console.print(best_table(result))
    console.print(f"The best: {result['best'][0]['command']}", soft_wrap=True, highlight=False)
    console.print(f"wrote {out}: explore.html, explore.csv, explore.json", soft_wrap=True)
