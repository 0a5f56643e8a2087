"""What a search found: the best designs, fronts, and the files that show them."""

import csv
import io
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from bitrain.runner.workspace import write_json
from bitrain.spec import write_atomically
from bitrain.studies.arithmetic import KINDS

from .evaluate import Row, details, title_of
from .page import write_page
from .search import Search, best, front, smaller
from .space import Design
from .verify import Measured, with_measured

LISTED = 10
"""The best designs of the table, or more if more are verified."""
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
_ADVICE = {
    "lut": "give smaller -P, -Q or -N",
    "ff": "give smaller -P, -Q or -N",
    "bram": "give smaller -Q, or --weights stream",
    "dsp": "leave dsp out of --arithmetics",
}
"""What helps where a resource is lacking, beside a larger device."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """Rows of a search, and what was measured of designs since."""

    search: Search
    rows: Sequence[Row]
    data: Sequence[str] = ()
    """Options of a command that say where the data set is."""
    measured: Measured = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why the tools refused designs, by their keys."""

    @cached_property
    def ranked(self) -> list[Row]:
        """Rows that are allowed and not refused, the best first."""
        allowed = best(self.rows, self.search.goal)
        return [row for row in allowed if row["design"] not in self.refused]

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many designs were looked at, can be built, and are allowed."""
        built = [row for row in self.rows if "problem" not in row]
        parts = {"designs": self.rows, "built": built, "allowed": self.ranked}
        return {name: len({row["design"] for row in part}) for name, part in parts.items()}

    @property
    def summary(self) -> str:
        """The counts, in words."""
        size, counts = self.search.space.size, self.counts
        looked = f"{counts['designs']:,} design{'s' * (counts['designs'] != 1)}"
        if not self.search.is_exact:
            looked += f" that Optuna proposed, of {size:,} (--trials {size} looks at all)"
        return (
            f"{looked}: {counts['built']:,} can be built, {counts['allowed']:,} of them fit "
            f"{self.search.device.name} and what is asked for"
        )

    @property
    def note(self) -> str:
        """What to know of the estimates of the best design, or nothing."""
        largest, known = self.ranked[0]["multipliers"], self.search.model.most_multipliers
        if largest <= known:
            return ""
        return (
            f"note: {largest:,} multipliers are more than any sample of the resource model has "
            f"({known:,}): errors may be larger; --verify 1 measures"
        )

    def why_nothing(self) -> str:
        """Why no design is allowed: what all of them lack, and how near one came."""
        goal, device = self.search.goal, self.search.device.name
        made = [row for row in self.rows if "problem" not in row]
        if not made:
            return self._why_none_is_built()
        accuracy = max(row["accuracy"] for row in made)
        if accuracy < goal.least_accuracy:
            return (
                f"--min-accuracy {goal.least_accuracy:g}: the most accurate network has "
                f"{accuracy:.2f} %; ask for less, or give other networks"
            )
        reach = [row for row in made if row["accuracy"] >= goal.least_accuracy]
        fits = [row for row in reach if not row["lacking"]]
        if not fits:
            row = min(reach, key=lambda row: (len(row["lacking"]), row["routed_lut"]))
            return (
                f"no design fits {device}: the smallest, {title_of(row)}, needs about "
                f"{row['routed_lut']:,} LUTs, {row['bram']} block RAMs and {row['dsp']} DSP "
                f"blocks, and {' and '.join(row['lacking'])} are too few; "
                f"{_ADVICE[row['lacking'][0]]}, or choose a larger device"
            )
        row = min(fits, key=lambda row: row["routed_lut"])
        return (
            f"--max-lut {goal.most_lut}: the smallest design, {title_of(row)}, takes about "
            f"{row['routed_lut']:,}; allow more, or give smaller sizes"
        )

    def _why_none_is_built(self) -> str:
        reason = (
            "W must divide P and N, and N must be a multiple of the lanes of streams; give other "
            "sizes"
        )
        if self.rows:
            reason = f"the first one: {self.rows[0]['problem']}"
        if self.search.is_exact:
            return f"no design is left to search; {reason}"
        return (
            f"--trials {self.search.trials}: none of the {len(self.rows):,} designs that Optuna "
            f"proposed can be built; give more; {reason}"
        )

    def write(self, out: Path) -> dict[str, Any]:
        """``explore.json``, ``explore.csv`` and ``explore.html`` in ``out``; what the first has."""
        search, goal = self.search, self.search.goal
        top = self._complete(_distinct(self.ranked, max(LISTED, len(self.measured))))
        result = {
            "device": search.device.name,
            "objective": goal.objective,
            "least_accuracy": goal.least_accuracy,
            "most_lut": goal.most_lut,
            "tag": "estimated" + "; the measured: post-route" * bool(self.measured),
            "search": "all designs" if search.is_exact else f"Optuna NSGA-II, seed {search.seed}",
            **self.counts,
            "ways": len(self.ranked),
            "space": search.space.size,
            "errors": {name: each.model_dump() for name, each in search.model.errors.items()},
            "tools": search.model.tools,
            "best": top,
            "front": front(self.ranked, goal),
            "smaller": smaller(self.ranked, goal),
            "refused": dict(self.refused),
        }
        shown = self._complete(self._shown())
        keys = dict.fromkeys(row["design"] for row in shown)
        extra = {key: self._details(Design.of_key(key)) for key in keys}
        write_json(out / "explore.json", result)
        write_atomically(out / "explore.csv", _csv(self.rows))
        write_page(out / "explore.html", result, shown, extra, goal.column)
        return result

    def _complete(self, rows: Iterable[Row]) -> list[Row]:
        """Rows with their commands, and with what was measured."""
        found = [with_measured(row, self.measured) for row in rows]
        return [row | {"command": self.command_of(row)} for row in found]

    def command_of(self, row: Row) -> str:
        """The command that generates a row's accelerator."""
        made = self.search.space.accelerators[Design.of_key(row["design"]).accelerator]
        kind = KINDS[made.kind]
        options = {
            "-P": row["channels"],
            "-Q": row["positions"],
            "-N": row["lanes"],
            "-W": row["width"],
            "--arith": kind["arithmetic"],
            "--interface": row["interface"],
            "--engines": row["engines"],
            "--weights": row["weights"],
            "--device": self.search.device.name,
        }
        usual = {"--arith": "stochastic", "--interface": "raw", "--engines": 1, "--weights": "rom"}
        words = ["bitrain", "generate", made.file]
        for name, value in options.items():
            words += [name, str(value)] * (usual.get(name) != value)
        words += ["--dsp"] * kind.get("dsp", False)
        words += [f"--{name.replace('_', '-')}" for name, value in made.options.items() if value]
        return shlex.join([*words, *self.data, "--out", "ip"])

    def _details(self, design: Design) -> Row:
        made = self.search.space.accelerators[design.accelerator]
        return details(made, design, self.search.device, self.search.model)

    def _shown(self) -> list[Row]:
        """Rows of the page."""
        found: dict[tuple[str, str], Row] = {}
        families = dict.fromkeys(row["family"] for row in self.ranked)
        of_family = [[row for row in self.ranked if row["family"] == each] for each in families]
        fronts = [edge(each, self.search.goal) for each in of_family for edge in (front, smaller)]
        for row in [*(row for each in fronts for row in each), *self.ranked]:
            if len(found) < SHOWN:
                found.setdefault((row["design"], row["title"]), row)
        return list(found.values())


def _distinct(ranked: Sequence[Row], count: int) -> list[Row]:
    """The best row of each of so many designs."""
    found: dict[str, Row] = {}
    for row in ranked:
        if len(found) == count:
            break
        found.setdefault(row["design"], row)
    return list(found.values())


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        lists = {name: " ".join(map(str, row.get(name, ()))) for name in ("lengths", "lacking")}
        writer.writerow(row | lists)
    return text.getvalue()
