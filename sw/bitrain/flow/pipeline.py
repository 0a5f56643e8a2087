"""``bitrain run``: the steps from a data set to a report, each skipped if it is done already."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console

from bitrain.data import load_dataset
from bitrain.runner.workspace import Workspace
from bitrain.spec import BitrainError

from . import hardware, learning
from .config import RunConfig
from .report import write_report
from .run import Run


@dataclass(frozen=True)
class Step:
    """One step of a run."""

    compute: Callable[[Run], Any]
    """Returns the step's result, a JSON value."""
    summary: Callable[[Any], str]
    """The result in a line for the terminal."""
    options: tuple[str, ...] = ()
    """Sections of the configuration that it depends on, beside those of the steps before."""
    properties: tuple[str, ...] = ()
    """What it depends on that follows from other sections."""
    outputs: tuple[str, ...] = ()
    """What it writes, besides its result (``Workspace.step``)."""


def _finetuned(result: dict[str, Any]) -> str:
    streams, integers = result["streams"], result["integers"]
    parts = [
        f"SC accuracy {streams['post_training']:.2f} % without SC training, "
        f"{streams['fine_tuned']:.2f} % with; integer baseline {integers['fine_tuned']:.2f} %"
    ]
    if streams.get("by_prefix"):
        parts += [
            f"{name} at L = " + ", ".join(f"{key}: {value:.2f} %" for key, value in found.items())
            for name, found in (("SC", streams["by_prefix"]), ("integers", integers["by_prefix"]))
        ]
    if exits := streams.get("anytime"):
        parts.append(
            f"with exits {exits['exit_accuracy']:.2f} % in {exits['mean_cycles']:.2f} cycles of a "
            "stream on average"
        )
    return "; ".join(parts)


def _generated(result: dict[str, Any]) -> str:
    cycles = f"{result['cycles']:,} cycles from the last pixel to the first score"
    if exits := result.get("exits"):
        cycles += f", {exits['mean_cycles']:,.0f} on average with exits"
        if exits["mean_cycles"] > result["cycles"]:
            cycles += ": they do not pay on this array, which loads longer than streams run"
    return cycles


STEPS = {
    "train": Step(
        learning.train,
        lambda r: f"float accuracy {r['accuracy']:.2f} %",
        options=("name", "data", "model", "pretrained", "train"),
        outputs=("model.safetensors", "checkpoints/train-{key}.pt"),
    ),
    "finetune": Step(
        learning.finetune,
        _finetuned,
        options=("sc", "finetune", "exit"),
        outputs=("checkpoints/streams-{key}.pt", "checkpoints/integers-{key}.pt"),
        properties=("integers",),
    ),
    "export": Step(
        learning.export,
        lambda r: f"torch and golden agree in every layer on {r['images']} images",
        properties=("trained",),
        outputs=("network.npz", "rival.npz"),
    ),
    "evaluate": Step(
        learning.evaluate_lengths,
        lambda r: (
            "SC accuracy by stream length: "
            + ", ".join(
                f"{row['stream_length']}: {row['sc_fine_tuned']:.2f} %" for row in r["by_length"]
            )
        ),
        options=("lengths",),
    ),
    "generate": Step(
        hardware.generate,
        _generated,
        options=("accelerator", "simulate", "synth"),
        outputs=("ip",),
    ),
    "simulate": Step(
        hardware.verify,
        lambda r: (
            f"{r['mismatches']} mismatches in {r['values_compared']:,} values of {r['images']} "
            f"images; {r['cycles']:,} cycles, {r['predicted_cycles']:,} predicted "
            f"({r['simulator']})"
        ),
    ),
    "synth": Step(
        hardware.synth,
        lambda r: (
            f"{r['resources']['lut']:,} LUT4, {r['resources']['ff']:,} FF, "
            f"{r['resources']['bram']} BRAM, {r['fmax_mhz']:.1f} MHz ({r['stage']}, {r['device']})"
        ),
    ),
    "blocks": Step(
        hardware.blocks, lambda r: f"SNGs take {r['sng_share_of_lut']:.1%} of LUTs ({r['tag']})"
    ),
    "sharing": Step(
        hardware.sharing,
        lambda r: (
            f"array: {r['shared']['lut']:,} LUT4 with shared SNGs, {r['unshared']['lut']:,} "
            f"without: {r['lut_saving']:.1%} saved ({r['tag']})"
        ),
    ),
    "report": Step(write_report, lambda r: f"wrote {r['page']}", outputs=("report",)),
}


def run_flow(
    config: RunConfig, directory: Path, *, until: str | None = None, console: Console
) -> dict[str, Any]:
    """Run all steps (or up to the one named ``until``) in ``directory``; return their results.

    Raises :class:`BitrainError` for the user's mistakes, and if the simulated accelerator differs
    from the golden model or the cost model: then there is no report.
    """
    if until is not None and until not in STEPS:
        raise BitrainError(f"--until {until}: no such step; choose one of {', '.join(STEPS)}")
    names = list(STEPS)
    names = names[: names.index(until) + 1] if until else names
    if "generate" in names:
        hardware.check_options(config)
    if not config.array.rules.has_streams and until in (None, "sharing", "report"):
        raise BitrainError(
            f"array: arithmetic = {config.array.arithmetic} has no SNGs to share or report on; "
            "give --until blocks, or an earlier step"
        )
    dataset = load_dataset(config.data.name, **config.data.source)
    run = Run(config, Workspace(directory, fingerprint=dataset.digest), dataset)
    learning.check_model(run, accelerated="finetune" in names)  # any teacher may be trained
    learning.check_exit(run)  # training leaves out what is held out
    if "generate" in names:
        hardware.check_network(run)
    run_steps(run, names, console)
    return run.workspace.results


def run_steps(run: Run, names: Sequence[str], console: Console) -> None:
    """Run the steps named, in order, and leave their results in the run's workspace."""
    model = learning.describe_model(run)
    printed = 0
    for name in names:
        step = STEPS[name]
        console.rule(f"{list(STEPS).index(name) + 1}/{len(STEPS)} {name}", align="left")
        inputs = [model, run.config.model_dump(mode="json", include={*step.options})]
        inputs += [getattr(run.config, name) for name in step.properties]
        start = perf_counter()
        ran = run.workspace.step(name, inputs, lambda step=step: step.compute(run), step.outputs)
        seconds = f"{perf_counter() - start:.1f} s" if ran else "kept from an earlier run"
        for before, after in [*run.workspace.superseded.items()][printed:]:
            console.print(f"{before} was there already: it is {after} now", soft_wrap=True)
        printed = len(run.workspace.superseded)
        console.print(f"{step.summary(run.workspace.results[name])} [dim]({seconds})")
