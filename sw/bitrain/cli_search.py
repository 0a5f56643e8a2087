"""``bitrain search``: the commands of the architecture search."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bitrain.spec import BitrainError, write_atomically

app = typer.Typer(help="InheritedNAS: coarse cells, then a fine search stage by stage.")
# Under torchrun one process speaks for all.
console = Console(quiet=os.environ.get("RANK", "0") != "0")

Config = Annotated[Path, typer.Option(help="Configuration (YAML).", show_default=False)]
Out = Annotated[Path, typer.Option(help="Output folder; finished steps are kept.")]
DataDir = Annotated[Path | None, typer.Option(help="Folder of the data set's files.")]


def _add(name: str, until: str | None, text: str) -> None:
    @app.command(name, help=text)
    def command(
        config: Config,
        out: Out,
        workers: Annotated[int, typer.Option(help="Processes for stages.", min=1)] = 1,
        scheduler: Annotated[str | None, typer.Option(help="Dask cluster, tcp://…")] = None,
        data_dir: DataDir = None,
    ) -> None:
        from bitrain.flow import load_search, run_search
        from bitrain.flow.tables import search_table

        settings = load_search(config, data_dir)
        cluster = {"workers": workers, "scheduler": scheduler}
        result = run_search(settings, out, console, until=until, **cluster)
        if "teacher" in result:
            console.print(search_table(result))


_add("run", None, "All steps.")
_add("coarse", "coarse", "Find the coarse cells.")
_add("fine", "fine", "Train the coarse network and search its stages.")
_add("derive", "derive", "Join the stages.")
_add("retrain", "retrain", "Train the joined network.")


@app.command()
def compare(
    config: Config,
    out: Out,
    seeds: Annotated[str, typer.Option(help="Of searches, comma-separated.")] = "0,1,2",
    data_dir: DataDir = None,
) -> None:
    """Search from several seeds; the found networks against their rivals: table, JSON."""
    from bitrain.flow import load_search, run_comparison
    from bitrain.flow.tables import comparison_table

    try:
        numbers = [int(part) for part in seeds.split(",")]
    except ValueError as error:
        raise BitrainError(f"--seeds {seeds}: expected integers between commas") from error
    console.print(
        comparison_table(run_comparison(load_search(config, data_dir), out, numbers, console))
    )


@app.command()
def ablate(config: Config, out: Out, data_dir: DataDir = None) -> None:
    """Ways to match stages, and penalties: accuracy, search time, memory, latency: table, JSON."""
    from bitrain.flow import load_search, run_search_ablation
    from bitrain.flow.tables import search_ablation_table

    result = run_search_ablation(load_search(config, data_dir), out, console)
    console.print(search_ablation_table(result))


@app.command()
def calibrate(
    out: Annotated[Path, typer.Option(help="File to write (JSON).", show_default=False)],
    batch_size: Annotated[int, typer.Option(help="Images at a time.", min=1)] = 1,
    repeats: Annotated[int, typer.Option(help="Rounds; the median counts.", min=1)] = 15,
) -> None:
    """Measure operations here and fit what multiplications and memory access cost."""
    from bitrain.flow.tables import calibration_table
    from bitrain.nas import calibrate as measure

    found = measure(batch_size=batch_size, repeats=repeats)
    write_atomically(out, found.model_dump_json(indent=1) + "\n")
    console.print(calibration_table(found))
    console.print(
        f"seconds = {found.mac:.3g} MACs + {found.word:.3g} words + {found.operation:.3g}"
    )
    console.print(f"wrote {out}", soft_wrap=True)
