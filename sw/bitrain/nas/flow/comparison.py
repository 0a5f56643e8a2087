"""``bitrain search compare``: a search from several seeds, and its rivals in each."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from bitrain.runner.workspace import write_json

from .config import NasConfig
from .search import run_search

SEEDED = ("coarse", "teacher", "search", "retrain")
"""Trainings whose seed is set; that of ``retrain`` draws the random networks too."""


def run_comparison(
    config: NasConfig, directory: Path, seeds: Sequence[int], console: Console
) -> dict[str, Any]:
    """Accuracies (%) of the found network and its rivals; writes ``comparison.json``.

    Finished steps in ``directory``/seed<seed> are kept. If there are several random networks,
    their median counts in each seed.
    """
    found: list[dict[str, Any]] = []
    for seed in seeds:
        console.print(f"[bold]seed {seed}")
        seeded = config.with_seed(seed, *SEEDED)
        found.append(run_search(seeded, directory / f"seed{seed}", console, until="baselines"))
    by_seed = [_by_network(result["baselines"]) for result in found]
    result = {
        "name": config.name,
        "data": found[0]["data"],
        "seeds": list(seeds),
        "teacher": [
            {key: each["teacher"][key] for key in ("accuracy", "macs", "memory_access")}
            for each in found
        ],
        "networks": {name: [rows[name] for rows in by_seed] for name in by_seed[0]},
        "random": [
            {name: row for name, row in _small(each["baselines"]).items() if _is_random(name)}
            for each in found
        ],
        "cells": [each["derive"]["cells"] for each in found],
    }
    write_json(directory / "comparison.json", result)
    return result


def _by_network(baselines: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    rows = _small(baselines)
    drawn = [row for name, row in rows.items() if _is_random(name)]
    own = {name: row for name, row in rows.items() if not _is_random(name)}
    if drawn:
        own["random, median"] = {key: _median([row[key] for row in drawn]) for key in drawn[0]}
    return own


def _small(baselines: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    keys = ("accuracy", "inherited", "macs", "memory_access")
    return {name: {key: row[key] for key in keys} for name, row in baselines.items()}


def _is_random(name: str) -> bool:
    return name.startswith("random")


def _median(values: Sequence[float | None]) -> float | None:
    """Median of the values that are known."""
    known = [value for value in values if value is not None]
    return median(known) if known else None
