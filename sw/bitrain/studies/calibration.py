"""``bitrain calibrate-resources``: the resource model of a family, fitted to drawn accelerators.

Each seed is an accelerator (``bitrain.resources.drawing``) that is synthesised, the hierarchy kept
and flattened, and routed. The first ones are fitted; those from ``HELD_OUT`` on are not, and say
how large the model's errors are.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.progress import track

from bitrain.gen.families.devices import find_device
from bitrain.gen.tools.tools import package_version
from bitrain.resources.calibrate import fit
from bitrain.resources.drawing import draw
from bitrain.resources.model import RESOURCES, ResourceModel
from bitrain.resources.samples import Sample, measure, write_samples
from bitrain.runner import plots
from bitrain.runner.workspace import write_result
from bitrain.spec import BitrainError, write_atomically

HELD_OUT = 100_000
"""The first seed of accelerators that are not fitted."""


def calibrate(
    device: str, out: Path, console: Console, *, samples: int, held_out: int
) -> tuple[ResourceModel, dict[str, Any]]:
    """The model of a device's family, and what it predicts.

    Writes the table, its samples, JSON and a plot to ``out``.

    samples, held_out: how many accelerators are fitted, and are not. What is measured is kept in
    ``out`` and not measured again, unless a tool has another version.
    """
    found = find_device(device)
    seeds = [*range(samples), *range(HELD_OUT, HELD_OUT + held_out)]
    tracked = track(seeds, "samples", console=console)
    measured = [_sample(seed, device, out, console) for seed in tracked]
    there = [sample for sample in measured if sample is not None]
    fitted = [sample for sample in there if sample.seed < HELD_OUT]
    others = [sample for sample in there if sample.seed >= HELD_OUT]
    if not fitted:
        raise BitrainError(f"--samples {samples}: none of them fits {device}; give more")
    model = fit(fitted, others)
    out.mkdir(parents=True, exist_ok=True)
    name = found.family.name
    write_atomically(out / f"{name}.json", model.model_dump_json(indent=1) + "\n")
    write_samples(out / f"{name}_samples.jsonl", there)
    result = {
        "family": name,
        "device": device,
        "tools": model.tools,
        "fitted": len(fitted),
        "errors": {key: each.model_dump() for key, each in model.errors.items()},
        "rows": predictions(model, others or fitted),
    }
    write_result(out / "calibration", result, plots.predictions(result["rows"], RESOURCES))
    return model, result


def predictions(model: ResourceModel, samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """What the model says of each sample beside what the tools say."""
    device, rows = find_device(model.device), []
    for sample in samples:
        estimate = model.predict(sample.drawn.compile(), device)
        row: dict[str, Any] = {"seed": sample.seed}
        for name in RESOURCES:
            row[name] = {"estimated": getattr(estimate, name), "measured": getattr(sample, name)}
        rows.append(row)
    return rows


def _sample(seed: int, device: str, out: Path, console: Console) -> Sample | None:
    """The sample of a seed, as it is kept or measured anew; None if it does not fit the device."""
    path = out / "samples" / device / f"{seed}.json"
    kept = _kept(path, seed, device)
    if kept is not None:
        return kept
    try:
        sample = measure(seed, device, route=True)
    except BitrainError as error:
        console.print(f"seed {seed} left out: {error}", soft_wrap=True)
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, sample.model_dump_json())
    return sample


def _kept(path: Path, seed: int, device: str) -> Sample | None:
    """What an earlier run measured, if it is still what would be measured now."""
    if not path.is_file():
        return None
    try:
        sample = Sample.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, ValueError):
        return None
    same = sample.drawn == draw(seed) and sample.device == device
    current = all(package_version(name) == version for name, version in sample.tools.items())
    return sample if same and current else None
