"""Commands that look for other networks: recasting, architecture search."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option, Typer

from .common import ConfigFile, DataDir, OutFolder, Seeds, app, console, seeds_of


@app.command()
def recast(
    teacher: Annotated[
        str,
        Argument(
            help="Trained weights: a safetensors file of `bitrain run`, or a shipped name; or your "
            "model, as of `bitrain convert`, with --weights."
        ),
    ],
    *,
    weights: Annotated[
        str | None, Option(help="The teacher's weights: a .safetensors, or a state dict in a .pt.")
    ] = None,
    plan: Annotated[
        Path, Option(help="Plan (YAML), or the name of an example: which blocks become what.")
    ],
    out: OutFolder,
    objective: Annotated[
        Literal["cycles"] | None,
        Option(help="Search blocks that save cycles of the accelerator, beside the plan's rules."),
    ] = None,
    budget: Annotated[
        float | None,
        Option(
            help="With --objective: cycles to reach, as a share of the teacher's; 0.5 by default.",
            min=0.01,
            max=1,
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Turn a trained network into one of other blocks, block by block."""
    from bitrain.recast.flow import load_plan, run_recast
    from bitrain.spec import BitrainError

    from .render.search import recast_summary, recast_table

    if budget and not objective:
        raise BitrainError(
            f"--budget {budget:g}: rules are found only with --objective cycles; give that too"
        )
    share = (budget or 0.5) if objective else None
    result = run_recast(
        load_plan(plan, data_dir), teacher, out, console, weights=weights, budget=share
    )
    console.print(recast_table(result))
    for line in recast_summary(result):
        console.print(line, soft_wrap=True)


search_app = Typer(help="InheritedNAS: coarse cells, then a fine search stage by stage.")
app.add_typer(search_app, name="search", no_args_is_help=True)


def _add_search(name: str, until: str | None, text: str) -> None:
    @search_app.command(name, help=text)
    def command(
        config: ConfigFile,
        out: OutFolder,
        workers: Annotated[
            int, Option(help="Processes that search stages side by side.", min=1)
        ] = 1,
        scheduler: Annotated[
            str | None, Option(help="Dask cluster that searches them instead, tcp://HOST:PORT.")
        ] = None,
        data_dir: DataDir = None,
    ) -> None:
        from bitrain.nas.flow.config import load_search
        from bitrain.nas.flow.search import run_search

        from .render.search import search_table

        settings = load_search(config, data_dir)
        cluster = {"workers": workers, "scheduler": scheduler}
        result = run_search(settings, out, console, until=until, **cluster)
        if "teacher" in result:
            console.print(search_table(result))


_add_search("run", None, "All steps.")
_add_search("coarse", "coarse", "Find the coarse cells.")
_add_search("fine", "fine", "Train the coarse network and search its stages.")
_add_search("derive", "derive", "Join the stages.")
_add_search("retrain", "retrain", "Train the joined network.")


@search_app.command()
def compare(
    config: ConfigFile, out: OutFolder, seeds: Seeds = "0,1,2", data_dir: DataDir = None
) -> None:
    """Search from several seeds; the found networks against their rivals: table, JSON."""
    from bitrain.nas.flow.comparison import run_comparison
    from bitrain.nas.flow.config import load_search

    from .render.search import comparison_table

    settings, numbers = load_search(config, data_dir), seeds_of(seeds)
    console.print(comparison_table(run_comparison(settings, out, numbers, console)))


@search_app.command("ablate")
def ablate_search(
    config: ConfigFile,
    out: OutFolder,
    data_dir: DataDir = None,
    only: Annotated[
        list[str] | None,
        Option(help="Run this variant alone; repeat the option for more. By default all run."),
    ] = None,
) -> None:
    """Ways to match stages, and penalties: accuracy, search time, memory, latency: table, JSON."""
    from bitrain.nas.flow.ablation import run_search_ablation
    from bitrain.nas.flow.config import load_search

    from .render.search import search_ablation_table

    result = run_search_ablation(load_search(config, data_dir), out, console, only=only or ())
    console.print(search_ablation_table(result))


@search_app.command()
def calibrate(
    out: Annotated[Path, Option(help="File to write (JSON).")],
    batch_size: Annotated[int, Option(help="Images at a time, as they will be in use.", min=1)] = 1,
    repeats: Annotated[
        int, Option(help="Rounds, whose median counts; more are steadier.", min=1)
    ] = 15,
) -> None:
    """Measure operations here and fit what multiplications and memory access cost."""
    from bitrain.nas.calibrate import calibrate as measure
    from bitrain.spec import write_atomically

    from .render.search import calibration_table

    found = measure(batch_size=batch_size, repeats=repeats)
    write_atomically(out, found.model_dump_json(indent=1) + "\n")
    console.print(calibration_table(found))
    console.print(
        f"seconds = {found.mac:.3g} MACs + {found.word:.3g} words + {found.operation:.3g}"
    )
    console.print(f"wrote {out}", soft_wrap=True)
