"""``bitrain explore``: a search from networks to a page that shows what was found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console

from bitrain.data import Dataset, check_classes
from bitrain.gen.families.devices import find_device
from bitrain.resources.model import needed_model
from bitrain.runner.cluster import pool
from bitrain.runner.workspace import Workspace
from bitrain.spec import BitrainError
from bitrain.studies.contenders import Contender, contenders_of_file, find_contenders
from bitrain.studies.judging import judge

from .cells import Cells
from .findings import Findings
from .page import plotly_source
from .search import Goal, Search
from .space import Accelerator, Space, Way
from .verify import verify


@dataclass(frozen=True, kw_only=True)
class Plan:
    """For which device, and how much is done."""

    device: str
    data: Sequence[str] = ()
    """Options of a command that say where the data set is."""
    trials: int = 20_000
    seed: int = 0
    verify: int = 0
    """So many of the best designs are synthesised and routed."""
    workers: int = 1
    scheduler: str | None = None


def competitors(paths: Sequence[Path], families: Sequence[str]) -> list[Contender]:
    """Contenders of network files, and of folders of `bitrain accuracy`."""
    folders = [path for path in paths if path.is_dir()]
    found = find_contenders(folders, families) if folders else []
    files = [path for path in paths if not path.is_dir()]
    if twice := {path for path in paths if paths.count(path) > 1}:
        raise BitrainError(f"{min(twice)}: is given twice; give it once")
    for path in files:
        of_file = contenders_of_file(path, families)
        if not of_file:
            raise BitrainError(
                f"{path}: is not of the arithmetics {', '.join(families)}; give others, or another "
                "file"
            )
        found += of_file
    return found


def unique_names(paths: Sequence[Path]) -> dict[Path, str]:
    """The end of each path, without its suffix, that tells it from the others."""
    parts = {path: path.resolve().with_suffix("").parts for path in paths}
    for count in range(1, 1 + max(map(len, parts.values()))):
        names = {path: "/".join(each[-count:]) for path, each in parts.items()}
        if len(set(names.values())) == len(set(parts.values())):
            return names
    raise AssertionError("whole paths differ")


def accelerators_of(
    contenders: Sequence[Contender], dataset: Dataset, out: Path, console: Console
) -> tuple[Accelerator, ...]:
    """What they run on, with the accuracies of all test images; judged once, kept in ``out``."""
    found, names = list[Accelerator](), unique_names([each.files[0] for each in contenders])
    titles = [each.title for each in contenders]
    for each in contenders:
        _check_data(each, dataset)
    for _, group in groupby(contenders, lambda each: (each.accelerator, each.files)):
        members, ways = list(group), []
        chooser = members[-1]  # the one with exits, if there is one
        file = names[chooser.files[0]]
        name = f"{file.replace('/', '-')}-{chooser.accelerator}"
        for member in members:
            title = member.title if titles.count(member.title) == 1 else f"{file}: {member.title}"
            console.print(f"{title}: {len(dataset.test_labels):,} test images ...")
            judged = judge(Workspace(out / "judged" / name), member, dataset)
            ways.append(replace(Way.of(member, judged), title=title))
        found.append(
            Accelerator(
                name=name,
                kind=chooser.kind,
                network=chooser.networks[0],
                file=str(chooser.files[0]),
                options=dict(chooser.options),
                ways=tuple(ways),
            )
        )
    return tuple(found)


def _check_data(contender: Contender, dataset: Dataset) -> None:
    """Raise :class:`BitrainError` unless the networks read these images and know their classes."""
    for file, network in zip(contender.files, contender.networks, strict=True):
        try:
            network.check_images(dataset.test_images.shape)
        except BitrainError as error:
            raise BitrainError(f"{file}, data set {dataset.name!r}: {error}") from error
        check_classes(f"{file}: network {network.name!r}", network.num_scores, dataset)


def explore(
    space: Space,
    goal: Goal,
    plan: Plan,
    out: Path,
    console: Console,
    *,
    cells: Cells | None = None,
) -> dict[str, Any]:
    """Search ``space``; ``explore.json``, ``explore.csv`` and ``explore.html`` in ``out``.

    cells: verified designs have their array's energy measured too. The files are written before
    designs are verified, and again with what was measured.
    """
    device = find_device(plan.device)
    plotly_source()  # or says that it is missing, before the search
    space.check()
    search = Search(
        space=space,
        device=device,
        model=needed_model(device),
        goal=goal,
        trials=plan.trials,
        seed=plan.seed,
    )
    with pool(plan.workers, plan.scheduler) as run:
        rows = search.run(out, run, console)
    found = Findings(search=search, rows=rows, data=plan.data)
    console.print(found.summary, soft_wrap=True, highlight=False)
    if not found.ranked:
        raise BitrainError(found.why_nothing())
    if note := found.note:
        console.print(note, soft_wrap=True, highlight=False)
    result = found.write(out)
    if not plan.verify:
        return result
    measured, refused = verify(
        found.ranked,
        plan.verify,
        space=space,
        device=plan.device,
        out=out,
        console=console,
        cells=cells,
    )
    found = replace(found, measured=measured, refused=refused)
    if not found.ranked:
        raise BitrainError(f"--verify {plan.verify}: none of the designs fits and routes")
    return found.write(out)
