"""``bitrain explore``: a search from networks to a page that shows what was found."""

import csv
import io
import shlex
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
from bitrain.runner.workspace import Workspace, write_json
from bitrain.spec import BitrainError, write_atomically
from bitrain.studies.arithmetic import KINDS
from bitrain.studies.contenders import Contender, contenders_of_file, find_contenders
from bitrain.studies.judging import judge

from .cells import Cells
from .evaluate import Row, details
from .page import plotly_source, write_page
from .search import Goal, Search, best, front, smaller
from .space import Accelerator, Design, Space, Way
from .verify import verify

SHOWN = 400
"""Rows on the page: the fronts of each arithmetic, then the best."""
COLUMNS = (
    *("accelerator", "network", "title", "family", "bits", "lengths", "exits", "accuracy"),
    *("channels", "positions", "lanes", "width", "engines", "interface", "weights"),
    *("cycles", "images_per_s", "latency_ms", "images_per_s_per_klut", "clock_mhz"),
    *("lut", "routed_lut", "ff", "bram", "dsp", "multipliers", "energy_nj", "lacking"),
    *("registers", "problem"),
)
"""Columns of the CSV file."""


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

    cells: verified designs have their array's energy measured with them too.
    """
    device = plan.device
    chosen = find_device(device)
    plotly_source()  # or says that it is missing, before the search
    space.check()
    search = Search(
        space=space,
        device=chosen,
        model=needed_model(chosen),
        goal=goal,
        trials=plan.trials,
        seed=plan.seed,
    )
    with pool(plan.workers, plan.scheduler) as run:
        rows = search.run(out, run, console)
    designs = {design.key: design for design in _designs(rows)}
    ranked = best(rows, goal)
    counts = _counts(rows, ranked)
    console.print(_progress(search, counts), soft_wrap=True, highlight=False)
    if not ranked:
        raise BitrainError(_nothing(rows, goal, search))
    largest, known = ranked[0]["multipliers"], search.model.most_multipliers
    if largest > known:
        console.print(
            f"note: {largest:,} multipliers are more than any sample of the resource model has "
            f"({known:,}): errors may be larger; --verify 1 measures",
            soft_wrap=True,
            highlight=False,
        )
    top = _distinct(ranked, max(10, plan.verify))
    for i, row in enumerate(top[: plan.verify]):
        console.print(f"{title_of(row)}: synthesis and routing ...", soft_wrap=True)
        design = designs[row["design"]]
        try:
            made = space.accelerators[design.accelerator]
            top[i] = verify(made, design, device, row, out)
            if cells:
                energy = cells.energy(made, row["title"], design.config.array)
                top[i]["measured"]["energy_nj"] = energy
        except BitrainError as error:
            top[i] = row | {"problem": str(error)}
            console.print(f"left out: {error}", soft_wrap=True)
    shown = [dict(row) for row in _shown(ranked, goal)]
    extra = {}
    for row in [*top, *shown]:
        design = designs[row["design"]]
        made = space.accelerators[design.accelerator]
        row["command"] = command_of(row, made, plan)
        if design.key not in extra:
            extra[design.key] = details(made, design, chosen, search.model)
    result = {
        "device": device,
        "objective": goal.objective,
        "least_accuracy": goal.least_accuracy,
        "most_lut": goal.most_lut,
        "tag": "estimated" + "; the measured: post-route" * bool(plan.verify),
        "search": "all designs" if search.is_exact else f"Optuna NSGA-II, seed {plan.seed}",
        **counts,
        "ways": len(ranked),
        "space": space.size,
        "errors": {name: each.model_dump() for name, each in search.model.errors.items()},
        "tools": search.model.tools,
        "best": top,
        "front": front(ranked, goal),
        "smaller": smaller(ranked, goal),
    }
    write_json(out / "explore.json", result)
    write_atomically(out / "explore.csv", _csv(rows))
    write_page(out / "explore.html", result, shown, extra, goal.column)
    return result


def title_of(row: Row) -> str:
    """What a row is, in words."""
    engines = f", {row['engines']} engines" if row["engines"] > 1 else ""
    return (
        f"{row['title']}, {row['channels']} x {row['positions']} x {row['lanes']}, "
        f"W = {row['width']}{engines}"
    )


def command_of(row: Row, accelerator: Accelerator, plan: Plan) -> str:
    """The command that generates a row's accelerator."""
    kind, options = KINDS[accelerator.kind], accelerator.options
    words = ["bitrain", "generate", accelerator.file, "-P", row["channels"], "-Q", row["positions"]]
    words += [
        "-N",
        row["lanes"],
        "-W",
        row["width"],
        "--device",
        plan.device,
        *plan.data,
        "--out",
        "ip",
    ]
    words += ["--arith", kind["arithmetic"]] * (kind["arithmetic"] != "stochastic")
    words += ["--dsp"] * kind.get("dsp", False)
    words += ["--interface", row["interface"]] * (row["interface"] != "raw")
    words += ["--engines", row["engines"]] * (row["engines"] > 1)
    words += ["--weights", row["weights"]] * (row["weights"] != "rom")
    words += [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    return shlex.join(map(str, words))


def _counts(rows: Sequence[Row], ranked: Sequence[Row]) -> dict[str, int]:
    """How many designs were looked at, can be built, and are allowed."""
    built = [row for row in rows if "problem" not in row]
    parts = {"designs": rows, "built": built, "allowed": ranked}
    return {name: len({row["design"] for row in part}) for name, part in parts.items()}


def _progress(search: Search, counts: dict[str, int]) -> str:
    looked = f"{counts['designs']:,} designs" + (
        ""
        if search.is_exact
        else f" that Optuna proposed, of {search.space.size:,} (--trials {search.space.size} looks "
        "at all)"
    )
    return (
        f"{looked}: {counts['built']:,} can be built, {counts['allowed']:,} of them fit "
        f"{search.device.name} and what is asked for"
    )


def _designs(rows: Sequence[Row]) -> list[Design]:
    keys = dict.fromkeys(row["design"] for row in rows)
    return [Design.of_key(key) for key in keys]


def _distinct(ranked: Sequence[Row], count: int) -> list[Row]:
    """The best row of each design."""
    found: dict[str, Row] = {}
    for row in ranked:
        if len(found) == count:
            break
        found.setdefault(row["design"], dict(row))
    return list(found.values())


def _shown(ranked: Sequence[Row], goal: Goal) -> list[Row]:
    found: dict[tuple[str, str], Row] = {}
    families = dict.fromkeys(row["family"] for row in ranked)
    of_family = [[row for row in ranked if row["family"] == family] for family in families]
    fronts = [edge(each, goal) for each in of_family for edge in (front, smaller)]
    for row in [*(row for each in fronts for row in each), *ranked]:
        if len(found) < SHOWN:
            found.setdefault((row["design"], row["title"]), row)
    return list(found.values())


_ADVICE = {
    "lut": "give smaller -P, -Q or -N",
    "ff": "give smaller -P, -Q or -N",
    "bram": "give smaller -Q, or --weights stream",
    "dsp": "leave dsp out of --arithmetics",
}
"""What helps where a resource is lacking, beside a larger device."""


def _nothing(rows: Sequence[Row], goal: Goal, search: Search) -> str:
    """Why no design is allowed: what all of them lack, and how near one came."""
    made = [row for row in rows if "problem" not in row]
    if not made:
        reason = (
            f"the first one: {rows[0]['problem']}"
            if rows
            else "W must divide P and N, and N must be a multiple of the lanes of streams; give "
            "other sizes"
        )
        if not search.is_exact:
            tried = f"none of the {len(rows):,} designs that Optuna proposed can be built"
            return f"--trials {search.trials}: {tried}; give more; {reason}"
        return f"no design is left to search; {reason}"
    accuracy = max(row["accuracy"] for row in made)
    if accuracy < goal.least_accuracy:
        return (
            f"--min-accuracy {goal.least_accuracy:g}: the most accurate network has "
            f"{accuracy:.2f} %; ask for less, or give other networks"
        )
    reach = [row for row in made if row["accuracy"] >= goal.least_accuracy]
    fits = [row for row in reach if not row["lacking"]]
    if not fits:
        smallest = min(reach, key=lambda row: (len(row["lacking"]), row["routed_lut"]))
        return (
            f"no design fits {search.device.name}: the smallest, {title_of(smallest)}, needs about "
            f"{smallest['routed_lut']:,} LUTs, {smallest['bram']} block RAMs and {smallest['dsp']} "
            f"DSP blocks, and {' and '.join(smallest['lacking'])} are too few; "
            f"{_ADVICE[smallest['lacking'][0]]}, or choose a larger device"
        )
    smallest = min(fits, key=lambda row: row["routed_lut"])
    return (
        f"--max-lut {goal.most_lut}: the smallest design, {title_of(smallest)}, takes about "
        f"{smallest['routed_lut']:,}; allow more, or give smaller sizes"
    )


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        lists = {name: " ".join(map(str, row.get(name, ()))) for name in ("lengths", "lacking")}
        writer.writerow(row | lists)
    return text.getvalue()
