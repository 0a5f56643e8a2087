"""``bitrain sweep``: any grid over fields of a configuration, one tidy table.

Work is shared. A float network is trained once for all points that have its data, model, recipe and
seed; it is converted, fine-tuned and judged once for all points that differ in the accelerator
alone. Either is a task, with a folder of its own, named by all that it depends on: a sweep that was
stopped goes on, and a larger grid in the same folder does only what is new.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress, track

from bitrain import golden
from bitrain.accelerator import compile_network
from bitrain.data import Dataset, evenly_spaced, load_dataset
from bitrain.flow.config import RunConfig, load_config
from bitrain.flow.hardware import untrained_network
from bitrain.flow.learning import check_exit, check_model, make_network
from bitrain.flow.pipeline import run_steps
from bitrain.flow.run import Run
from bitrain.gen.families.devices import find_device
from bitrain.nn import ScConfig, torch_threads
from bitrain.program import find_arithmetic
from bitrain.resources.model import RESOURCES, model_of
from bitrain.runner import sweep_plots
from bitrain.runner.cluster import Run as RunTasks
from bitrain.runner.cluster import pool
from bitrain.runner.config import DataConfig
from bitrain.runner.workspace import Workspace, write_json
from bitrain.runner.yaml_file import read_options
from bitrain.spec import (
    BitrainError,
    Network,
    load_network,
    save_network,
    to_unipolar,
    write_atomically,
)

from .grid import Axis, Point, parse_grid, points_of

FIGURES = (
    *("float_accuracy", "accuracy", "integer_accuracy", "error"),
    *("cycles", "lut", "routed_lut", "ff", "bram", "dsp", "clock_mhz", "images_per_s"),
)
"""Columns of a row with figures."""
REMARKS = ("lacks", "problem")
"""Columns with words: of what the device has too little, and why there are no figures."""
ERROR_IMAGES = 1000
"""Test images, evenly spaced, that ``error`` is of."""
_OF_INTEGERS = (
    *("bits", "stream_length", "lengths", "layer_lengths"),
    *("normalise", "upscale", "calibration_images"),
)
"""Fields of ``sc`` that integers depend on."""

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is swept, and how."""

    config: Path
    """File, or name of an example."""
    grid: tuple[str, ...]
    """An axis each, as ``L=8,16,32``."""
    seeds: tuple[int, ...] = (0,)
    finetune: bool = False
    device: str | None = None
    """In the place of the configuration's ``synth.device``."""
    data_dir: Path | None = None
    workers: int = 1
    scheduler: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """One network: a point's, or its rival's, from one seed."""

    config: RunConfig
    arithmetic: str
    finetune: bool

    @property
    def of_float(self) -> str:
        """Digest of all that the float network depends on, but for files."""
        exits = self.config.exit
        held_out = None if exits is None else [exits.held_out]  # images that are not learnt
        sections = self._dump("name", "data", "model", "pretrained", "train")
        return _digest([sections, held_out])

    @property
    def inputs(self) -> list[Any]:
        """What it depends on beside the float network."""
        recipe = self._dump("finetune") if self.finetune else None
        return [self.arithmetic, self._dump("sc", "exit"), recipe]

    @property
    def digest(self) -> str:
        """Of all that it depends on, but for files."""
        return _digest([self.of_float, *self.inputs])

    def _dump(self, *sections: str) -> Any:
        return self.config.model_dump(mode="json", include={*sections})


def run_sweep(plan: Plan, out: Path, console: Console) -> dict[str, Any]:
    """All points; ``sweep.csv``, ``sweep.json``, ``sweep.svg`` and ``sweep_cost.svg`` in ``out``.

    Returns what the JSON file holds.
    """
    axes, points = plan_points(plan)
    Workspace(out).claim()
    points = [*_checked(points, out, console)]
    _refuse_if_none(axes, [{**point.cells, "problem": point.problem} for point in points])
    seeded = {
        (index, seed): _units(point.config.with_seed(seed, "train", "finetune"), plan.finetune)
        for index, point in enumerate(points)
        for seed in plan.seeds
        if point.config is not None and not point.problem
    }
    units = {unit.digest: unit for pair in seeded.values() for unit in pair}
    with pool(plan.workers, plan.scheduler) as run:
        judged = _judge(units, out.resolve(), run, console)
    rows = []
    for index, point in enumerate(track(points, "accelerators", console=console, transient=True)):
        for seed in plan.seeds:
            pair = [judged[unit.digest] for unit in seeded.get((index, seed), ())]
            rows.append(_row(point, seed, pair, out))
    _refuse_if_none(axes, rows)
    result = _summary(plan, axes, points, rows)
    write_atomically(out / "sweep.csv", _csv(axes, rows))
    write_json(out / "sweep.json", result)
    write_atomically(out / "sweep.svg", sweep_plots.accuracy_by_axis(result))
    write_atomically(out / "sweep_cost.svg", sweep_plots.accuracy_by_cost(result))
    return result


def plan_points(plan: Plan) -> tuple[tuple[Axis, ...], list[Point]]:
    """Axes and points of a plan; :class:`BitrainError` for a grid that is none."""
    base, options = load_config(plan.config, plan.data_dir), read_options(plan.config)
    axes = parse_grid(plan.grid)
    names = {".".join(path): axis.name for axis in axes for path in axis.paths}
    if not plan.finetune and (idle := [path for path in names if path.startswith("finetune.")]):
        raise BitrainError(f"--grid {names[idle[0]]}: has no effect without --finetune")
    if plan.device is not None:
        if "synth.device" in names:
            raise BitrainError(f"--device {plan.device}: --grid has synth.device too; give one")
        options["synth"] = {**(options.get("synth") or {}), "device": plan.device}
    if plan.data_dir is not None:
        options["data"] = {**(options.get("data") or {}), "directory": plan.data_dir}
    points = points_of(base, options, axes)
    for name in {point.config.synth.device for point in points if point.config}:
        find_device(name)
    return axes, points


def _units(config: RunConfig, finetune: bool) -> tuple[_Unit, _Unit]:
    """The network of a configuration, and the integers to compare it with."""
    exact = ScConfig(**{name: getattr(config.sc, name) for name in _OF_INTEGERS})

    def unit(kind: str) -> _Unit:
        sc = config.sc if _has_streams(kind) else exact
        changed = config.model_copy(update={"sc": sc})
        return _Unit(config=changed, arithmetic=kind, finetune=finetune)

    return unit(config.array.arithmetic), unit(config.integers)


def _has_streams(arithmetic: str) -> bool:
    return find_arithmetic(arithmetic).has_streams


def _checked(points: Sequence[Point], out: Path, console: Console) -> Iterator[Point]:
    """The points; those that training or hardware would refuse in the end with their problem."""
    models: dict[str, str] = {}
    networks: dict[str, Network | str] = {}

    def once(found: dict[str, Any], key: Any, make: Callable[[], Any]) -> Any:
        digest = _digest(key)
        if digest not in found:
            try:
                found[digest] = make()
            except BitrainError as error:
                found[digest] = str(error)
        return found[digest]

    for point in track(points, "checks", console=console, transient=True):
        if point.config is None:
            yield point
            continue
        config = point.config
        run = Run(config, Workspace(out), _dataset(config.data))
        inputs = config.model_dump(mode="json", include={"data", "model", "sc", "exit"})
        alone = {key: inputs[key] for key in ("data", "model")}
        problem = once(models, alone, lambda run=run: check_model(run, accelerated=False))
        problem = problem or once(models, inputs, lambda run=run: check_exit(run))
        if not problem:
            network = once(networks, inputs, lambda run=run: untrained_network(run))
            problem = network if isinstance(network, str) else _conflict(network, config)
        yield point.failed(problem or "")


def _conflict(network: Network, config: RunConfig) -> str:
    try:
        compile_network(network, config.accelerator)
    except BitrainError as error:
        return str(error)
    return ""


def _refuse_if_none(axes: Sequence[Axis], rows: Sequence[Row]) -> None:
    """Raise :class:`BitrainError` where every row has a problem."""
    if all(row["problem"] for row in rows):
        where = ", ".join(f"{axis.name}={rows[0][axis.name]}" for axis in axes)
        problem = rows[0]["problem"]
        raise BitrainError(f"--grid: no point can be run; the first, {where}: {problem}")


def _judge(
    units: Mapping[str, _Unit], out: Path, run: RunTasks, console: Console
) -> dict[str, Row]:
    """What :func:`_judge_unit` finds of each unit, or the problem that it has."""
    floats = {unit.of_float: unit.config for unit in units.values()}
    tasks = [(config, out / "float" / digest) for digest, config in floats.items()]
    shown = _shown(run(_train, tasks), "float networks", tasks, console)
    trained = dict(zip(floats, shown, strict=True))
    found: dict[str, Row] = {}
    ready: dict[str, tuple[Any, ...]] = {}
    for digest, unit in units.items():
        given = trained[unit.of_float]
        if "problem" in given:
            found[digest] = given
        else:
            ready[digest] = (unit, given, out / "networks" / digest)
    shown = _shown(run(_judge_unit, [*ready.values()]), "networks", ready, console)
    return found | dict(zip(ready, shown, strict=True))


def _shown(
    results: Iterator[Any], title: str, tasks: Sequence[Any] | Mapping[str, Any], console: Console
) -> list[Any]:
    """The results, with a bar while they come."""
    with Progress(console=console) as progress:
        return list(progress.track(results, total=len(tasks), description=title))


def _train(config: RunConfig, folder: Path) -> Row:
    """The float network of a configuration and its seed: what networks made of it are given."""
    with torch_threads(1):
        dataset = _dataset(config.data)
        space = Workspace(folder, fingerprint=dataset.digest, is_claimed=True)
        run = Run(config, space, dataset, progress=False)
        try:
            run_steps(run, ["train"], Console(quiet=True))
        except BitrainError as error:
            return {"problem": str(error)}
        found = space.results["train"]
        checkpoint = str(space.path(found["checkpoint"]))
        return {**found, "checkpoint": checkpoint, "fingerprint": space.fingerprint}


def _judge_unit(unit: _Unit, given: Row, folder: Path) -> Row:
    """Accuracies (%) and error of a network, which is kept as ``network.npz``.

    given: its float network.
    """
    with torch_threads(1):
        space = Workspace(folder, {"train": given}, given["fingerprint"], is_claimed=True)
        run = Run(unit.config, space, _dataset(unit.config.data), progress=False)

        def judge() -> Row:
            network = make_network(run, unit.arithmetic, finetune=unit.finetune)
            save_network(network, space.path("network.npz"))
            return {
                "accuracy": 100
                * golden.accuracy(
                    network, run.dataset.test_images, run.dataset.test_labels, unit.arithmetic
                ),
                "error": error_of(network, run.dataset, unit.arithmetic),
            }

        try:
            space.step("network", [*unit.inputs, ERROR_IMAGES], judge, ["network.npz"])
        except BitrainError as error:
            return {"problem": str(error)}
        found = space.results["network"]
        path = space.path("network.npz")
        return {**found, "float_accuracy": given["accuracy"], "network": str(path)}


def error_of(network: Network, dataset: Dataset, arithmetic: str) -> float | None:
    """What the arithmetic loses: the root mean square of its errors, by the scores' spread.

    The scores are those of up to ``ERROR_IMAGES`` test images, all classes together; errors are
    against those of the same network file with exact products. 0 where products are exact, None
    where all exact scores are the same.
    """
    if not _has_streams(arithmetic):
        return 0.0
    images = evenly_spaced(dataset.test_images, ERROR_IMAGES)
    pixels = to_unipolar(images, network.bits)
    # Exact scores are 4^n / L as fine as those of streams.
    unit = network.layers[-1].stream_length / 4**network.bits
    exact = golden.predict(network, pixels, "binary") * unit
    errors = golden.predict(network, pixels, arithmetic) - exact
    spread = float(exact.std())
    return float(np.sqrt(np.square(errors).mean())) / spread if spread else None


def _dataset(data: DataConfig) -> Dataset:
    return _loaded(data.model_dump_json())


@lru_cache(maxsize=2)
def _loaded(data: str) -> Dataset:
    config = DataConfig.model_validate_json(data)
    return load_dataset(config.name, **config.source)


@lru_cache(maxsize=8)
def _network(path: str) -> Network:
    return load_network(Path(path))


def _row(point: Point, seed: int, pair: Sequence[Row], out: Path) -> Row:
    """A row of the table; pair: what is known of the point's network, and of its rival."""
    row = {**point.cells, "seed": seed, **dict.fromkeys(FIGURES)}
    row |= {"lacks": "", "problem": point.problem}
    if point.config is None or point.problem:
        return row
    for each in pair:
        if "problem" in each:
            return row | {"problem": each["problem"]}
    own, rival = pair
    row |= {
        "float_accuracy": round(own["float_accuracy"], 4),
        "accuracy": round(own["accuracy"], 4),
        "integer_accuracy": round(rival["accuracy"], 4),
        "error": None if own["error"] is None else float(f"{own['error']:.4g}"),
        "network": str(Path(own["network"]).relative_to(out.resolve())),
    }
    device = find_device(point.config.synth.device)
    try:
        engines = compile_network(_network(own["network"]), point.config.accelerator)
    except BitrainError as error:
        return row | {"problem": str(error)}
    row["cycles"] = engines.cost.initiation_interval
    if (model := model_of(device.family.name)) is not None:
        estimate = model.predict(engines, device)
        row |= {name: getattr(estimate, name) for name in RESOURCES}
        row["images_per_s"] = round(1e6 * estimate.clock_mhz / row["cycles"], 1)
        row["clock_mhz"] = round(estimate.clock_mhz, 2)
        row["lacks"] = " ".join(estimate.lacking(device))
    return row


def _summary(
    plan: Plan, axes: Sequence[Axis], points: Sequence[Point], rows: Sequence[Row]
) -> dict[str, Any]:
    """Medians over seeds, and all that the figures depend on."""
    found = []
    for point, start in zip(points, range(0, len(rows), len(plan.seeds)), strict=True):
        mine = rows[start : start + len(plan.seeds)]
        known = {name: [r[name] for r in mine if r[name] is not None] for name in FIGURES}
        entry: Row = {"point": point.cells}
        entry |= {name: median(each) if each else None for name, each in known.items()}
        if known["accuracy"]:
            entry["accuracies"] = [row["accuracy"] for row in mine]
        entry["networks"] = [row["network"] for row in mine if "network" in row]
        entry |= {name: next((row[name] for row in mine if row[name]), "") for name in REMARKS}
        found.append(entry)
    configs = [point.config for point in points if point.config]
    devices = {config.synth.device: None for config in configs}
    models = {name: model_of(find_device(name).family.name) for name in devices}
    return {
        "name": configs[0].name,
        "config": str(plan.config),
        "grid": list(plan.grid),
        "seeds": list(plan.seeds),
        "fine_tuned": plan.finetune,
        "devices": [*devices],
        "data": [*dict.fromkeys(_dataset(config.data).note for config in configs)],
        "tag": "accuracies and error: golden model; cycles: exact; resources, clock and images/s: "
        "estimated",
        "without_resources": [name for name, model in models.items() if model is None],
        "tools": {name: model.tools for name, model in models.items() if model},
        "axes": [
            {"name": axis.name, "values": [*axis.texts], "of_network": axis.of_network}
            for axis in axes
        ],
        "points": found,
    }


def _csv(axes: Sequence[Axis], rows: Sequence[Row]) -> str:
    text = io.StringIO()
    columns = [*(axis.name for axis in axes), "seed", *FIGURES, *REMARKS]
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
