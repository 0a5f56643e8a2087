"""All designs of a small space, or those that Optuna proposes of a large one.

A search is replayed whenever it goes on: proposals follow from the seed and from what is known of
designs, and what is known is kept in a file, a line for each design. So it gives the same after it
was stopped, and with any number of workers.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from bitrain.gen.families.family import Device
from bitrain.resources.model import ResourceModel
from bitrain.runner.cluster import Run
from bitrain.spec import BitrainError, write_atomically

from .evaluate import Row, evaluate
from .space import Design, Space

GENERATION = 48
"""Designs that Optuna proposes before it looks at any of them."""
_TASK = 24
"""Designs of a task."""
OBJECTIVES = {
    "images/s": ("images_per_s", True),
    "latency": ("latency_ms", False),
    "images/s-per-lut": ("images_per_s_per_klut", True),
    "array-energy": ("energy_nj", False),
}
"""What is searched for: columns of rows, and whether more is better."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a user wants."""

    objective: str
    """Of ``OBJECTIVES``."""
    least_accuracy: float = 0
    """Per cent."""
    most_lut: int | None = None
    """Post-route."""

    @property
    def column(self) -> str:
        """Of rows."""
        return OBJECTIVES[self.objective][0]

    def value(self, row: Row) -> float:
        """More is better."""
        column, more = OBJECTIVES[self.objective]
        return row[column] if more else -row[column]

    def allows(self, row: Row) -> bool:
        """Whether a row fits the device and all that is asked for."""
        small = self.most_lut is None or row["routed_lut"] <= self.most_lut
        return not row["lacking"] and small and row["accuracy"] >= self.least_accuracy

    def excess(self, row: Row) -> float:
        """How far a row is from that: 0 where it is allowed."""
        lut = max(0, row["routed_lut"] / self.most_lut - 1) if self.most_lut else 0
        return len(row["lacking"]) + lut + max(0, self.least_accuracy - row["accuracy"]) / 100


@dataclass(frozen=True, kw_only=True)
class Search:
    """A search of a space for a device."""

    space: Space
    device: Device
    model: ResourceModel
    goal: Goal
    trials: int
    """At most so many designs; a space that is no larger is searched whole."""
    seed: int = 0

    @property
    def is_exact(self) -> bool:
        """Whether all designs are looked at."""
        return self.space.size <= self.trials

    def run(self, out: Path, run: Run, console: Console) -> list[Row]:
        """Rows of all designs that were looked at, in the order of the search."""
        known = _Known(out / "designs" / f"{self._digest}.jsonl")
        if self.is_exact:
            designs = list(self.space.designs())
            rows = list(self._evaluate(designs, known, run, console))
        else:
            rows = self._propose(known, run, console)
        known.tidy()
        return rows

    @property
    def _digest(self) -> str:
        """Changes with all that rows depend on, so that no others' rows are used."""
        made = [each.digest for each in self.space.accelerators]
        parts = [made, self.device.name, self.model.model_dump_json(), metadata.version("bitrain")]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    def _evaluate(
        self, designs: Sequence[Design], known: "_Known", run: Run, console: Console
    ) -> Iterator[Row]:
        wanted = {design.key: design for design in designs}
        missing = [design for key, design in wanted.items() if key not in known.rows]
        tasks = []
        for index, accelerator in enumerate(self.space.accelerators):
            own = [design for design in missing if design.accelerator == index]
            for start in range(0, len(own), _TASK):
                part = own[start : start + _TASK]
                tasks.append((accelerator, part, self.device, self.model))
        with Progress(console=console, transient=True) as progress:
            bar = progress.add_task("designs", total=len(missing))
            for found in run(_evaluate_all, tasks):
                known.add(found)
                progress.advance(bar, len(found))
        for key in wanted:
            yield from known.rows[key]

    def _propose(self, known: "_Known", run: Run, console: Console) -> list[Row]:
        try:
            import optuna
        except ModuleNotFoundError as error:
            raise BitrainError(
                f"{self.space.size:,} designs are more than --trials {self.trials:,}, and to "
                "choose among them needs Optuna: pip install 'bitrain[search]'; or give fewer "
                "sizes"
            ) from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.NSGAIISampler(seed=self.seed, population_size=GENERATION)
        study = optuna.create_study(directions=("maximize",) * 3, sampler=sampler)
        rows: dict[str, list[Row]] = {}
        while len(study.trials) < self.trials:
            asked, designs = [], list[Design]()
            for _ in range(min(GENERATION, self.trials - len(study.trials))):
                trial = study.ask()
                try:
                    design, way = self._proposed(trial)
                except BitrainError:
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)
                    continue
                asked.append((trial, design, way))
                designs.append(design)
            for row in self._evaluate(designs, known, run, console):
                rows.setdefault(row["design"], known.rows[row["design"]])
            for trial, design, way in asked:
                found = [r for r in rows.get(design.key, []) if r.get("title") == way]
                if not found:
                    study.tell(trial, state=optuna.trial.TrialState.FAIL)
                    continue
                (row,) = found
                trial.set_constraint("excess", self.goal.excess(row))
                study.tell(trial, [row["accuracy"], self.goal.value(row), -row["routed_lut"]])
        return [row for found in rows.values() for row in found]

    def _proposed(self, trial: Any) -> tuple[Design, str]:
        """A design and the title of a way to run it."""
        made = self.space.accelerators
        index = trial.suggest_categorical("accelerator", list(range(len(made))))
        way = trial.suggest_categorical(f"way {index}", [way.title for way in made[index].ways])
        sizes = {}
        for name, values in self.space.choices(index).items():
            chosen = trial.suggest_int(f"{name} {len(values)}", 0, len(values) - 1)
            sizes[name] = values[chosen]
        return self.space.design(index, sizes), way


def _evaluate_all(
    accelerator: Any, designs: Sequence[Design], device: Device, model: ResourceModel
) -> list[tuple[str, list[Row]]]:
    return [(each.key, evaluate(accelerator, each, device, model)) for each in designs]


class _Known:
    """What is known of designs, in a file: a line each, with its digest.

    A line that was cut off or changed is left out, and its design is looked at again.
    """

    def __init__(self, path: Path):
        self.path, self.rows = path, dict[str, list[Row]]()
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        for line in text.splitlines():
            digest, _, pair = line.partition(" ")
            if digest == _line_digest(pair):
                key, found = json.loads(pair)
                self.rows[key] = found

    def add(self, found: Sequence[tuple[str, list[Row]]]) -> None:
        """Note designs, at the end of the file."""
        lines = [json.dumps(pair) for pair in found]
        # As they are read again, so that no result depends on whether they were.
        self.rows |= {key: rows for key, rows in map(json.loads, lines)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write("".join(f"\n{_line_digest(line)} {line}" for line in lines))

    def tidy(self) -> None:
        """Write the file anew, without lines that were cut off."""
        lines = [json.dumps(pair) for pair in self.rows.items()]
        write_atomically(self.path, "\n".join(f"{_line_digest(line)} {line}" for line in lines))


def _line_digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()[:16]


def best(rows: Sequence[Row], goal: Goal) -> list[Row]:
    """Rows that are allowed, the best first; of equal ones the more accurate, then the smaller."""
    allowed = [row for row in rows if "problem" not in row and goal.allows(row)]
    return sorted(allowed, key=lambda r: (-goal.value(r), -r["accuracy"], r["routed_lut"]))


def front(rows: Sequence[Row], goal: Goal) -> list[Row]:
    """Of :func:`best`, those that no other beats in accuracy and in what is searched for."""
    found: list[Row] = []
    for row in best(rows, goal):
        if not found or row["accuracy"] > found[-1]["accuracy"]:
            found.append(row)
    return found


def smaller(rows: Sequence[Row], goal: Goal) -> list[Row]:
    """Of :func:`best`, those that no other beats in LUTs and in what is searched for."""
    found: list[Row] = []
    for row in best(rows, goal):
        if not found or row["routed_lut"] < found[-1]["routed_lut"]:
            found.append(row)
    return found
