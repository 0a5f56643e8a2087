"""``bitrain run``: from a configuration to a report."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from .common import DataDir, app, console


@app.command()
def run(
    name: Annotated[
        Path | None,
        Argument(metavar="CONFIG", help="Configuration (YAML), or an example's name, as digits."),
    ] = None,
    config: Annotated[Path | None, Option(help="The same as CONFIG.")] = None,
    out: Annotated[
        Path | None,
        Option(help="Output folder, where finished steps are kept; build/NAME by default."),
    ] = None,
    until: Annotated[
        str | None, Option(help="Stop after this step: train, export, …, as a run prints them.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Train, export, generate, simulate, synthesise, report: all that a configuration asks for."""
    from bitrain.flow.config import load_config
    from bitrain.flow.pipeline import run_flow
    from bitrain.spec import BitrainError

    chosen = name or config
    if chosen is None or (name and config):
        raise BitrainError("give one configuration: bitrain run CONFIG, for instance digits")
    settings = load_config(chosen, data_dir)
    run_flow(settings, out or Path("build") / settings.name, until=until, console=console)
