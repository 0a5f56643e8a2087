"""``bitrain search``: coarse cells, fine search stage by stage, derivation, retraining, baselines.

Each step is kept in the output folder.
"""

from pathlib import Path
from typing import Any

from rich.console import Console

from bitrain.data import load_dataset
from bitrain.runner import plots
from bitrain.runner.workspace import Workspace, write_json
from bitrain.spec import BitrainError, write_atomically

from . import steps
from .baselines import compare
from .config import NasConfig
from .export import export
from .run import Search

STEPS = {
    "coarse": steps.coarse,
    "teacher": steps.teacher,
    "fine": steps.fine,
    "derive": steps.derive,
    "retrain": steps.retrain,
    "baselines": compare,
    "export": export,
}
"""The last one only where the space's target is the accelerator."""
PRODUCTS = ("search.json", "search.svg", "search_front.svg")


def run_search(
    config: NasConfig,
    directory: Path,
    console: Console,
    *,
    until: str | None = None,
    workers: int = 1,
    scheduler: str | None = None,
) -> dict[str, Any]:
    """All steps, or those up to ``until``; writes ``search.json`` and the plots of what there is.

    workers: processes that search stages side by side. scheduler: address of a Dask cluster.
    """
    if until is not None and until not in STEPS:
        raise BitrainError(f"there is no step {until!r}; choose from {', '.join(STEPS)}")
    dataset = load_dataset(config.data.name, **config.data.source)
    workspace = Workspace(directory, fingerprint=dataset.digest, products=PRODUCTS)
    run = Search(config, dataset, workspace, console, workers=workers, scheduler=scheduler)
    for name, compute in STEPS.items():
        if name == "export" and config.space.target != "accelerator":
            continue
        run.results[name] = compute(run)
        if name == until:
            break
    result = {"name": config.name, "data": dataset.note, **run.results}
    write_json(directory / "search.json", result)
    if "derive" in result:
        write_atomically(directory / "search.svg", plots.cells(result["derive"]["cells"]))
    if "baselines" in result:
        write_atomically(directory / "search_front.svg", plots.search_front(result))
    return result
