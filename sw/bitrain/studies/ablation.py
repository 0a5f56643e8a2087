"""``bitrain ablate``: what normalisation, upscaling, sharing, sequences and generators are worth.

The float network of each seed is converted with every combination of them at every stream length,
without any SC training unless asked for, so that the figures show what the arithmetic itself loses.
Accuracies are the golden model's, of the test images.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import track

from bitrain.data import load_dataset
from bitrain.flow.config import RunConfig
from bitrain.flow.learning import check_model, convert_and_evaluate
from bitrain.flow.pipeline import run_steps
from bitrain.flow.run import Run
from bitrain.nn import ScConfig, StreamSource
from bitrain.runner import plots
from bitrain.runner.workspace import Workspace, write_result

VAN_DER_CORPUT = StreamSource(kind="van_der_corput", wiring="inverted")
MULTIPLEXERS = VAN_DER_CORPUT.model_copy(update={"generator": "multiplexer"})
SEQUENCES = {
    "LFSR × LFSR": (
        StreamSource(kind="lfsr", wiring="rotated"),
        StreamSource(kind="lfsr", wiring="rotated", seed=1),
    ),
    "van der Corput × Sobol": (VAN_DER_CORPUT, StreamSource(kind="sobol")),
    "van der Corput × ramp": (VAN_DER_CORPUT, StreamSource(kind="ramp")),
    "van der Corput by multiplexers × ramp": (MULTIPLEXERS, StreamSource(kind="ramp")),
    "van der Corput × Sobol, both by multiplexers": (
        MULTIPLEXERS,
        StreamSource(kind="sobol", wiring="inverted", generator="multiplexer"),
    ),
}
"""Activation source and weight source; by comparators where nothing else is said."""
WIRINGS = {"one for each lane": None, "one for all lanes": 1}
"""How the lanes of a bank are wired: ``StreamSource.period``."""

Combination = tuple[dict[str, Any], ScConfig, str]
"""Row of the table, configuration and arithmetic."""


def run_ablation(
    config: RunConfig,
    directory: Path,
    *,
    seeds: Sequence[int] = (0,),
    finetune: bool,
    scaling: bool = True,
    console: Console,
) -> dict[str, Any]:
    """Accuracies (%) of all combinations, medians; writes ``ablation.json`` and ``ablation.svg``.

    finetune: train every combination as ``config.finetune`` says. scaling: also without
    normalisation and upscaling. Finished combinations in ``directory`` are kept.
    """
    dataset = load_dataset(config.data.name, **config.data.source)
    base = Workspace(directory)
    combinations = [*_combinations(config, scaling)]
    floats, found = [], []
    for seed in seeds:
        seeded = config.with_seed(seed, "train", "finetune")
        space = Workspace(directory / f"seed{seed}", fingerprint=dataset.digest)
        run = Run(seeded, space, dataset)
        check_model(run)
        run_steps(run, ["train"], console)
        floats.append(space.results["train"]["accuracy"])
        found.append(_accuracies(run, combinations, finetune, console))
        for name in ("ablation.json", "ablation.svg") if space.superseded else ():
            base.move_away(name)
    rows = [
        {**row, "accuracy": median(each), "accuracies": [*each]}
        for (row, *_), each in zip(combinations, zip(*found, strict=True), strict=True)
    ]
    result = {
        "name": config.name,
        "model": config.model,
        "data": dataset.note,
        "test_images": len(dataset.test_images),
        "seeds": list(seeds),
        "fine_tuned": finetune,
        "float": median(floats),
        "rows": rows,
    }
    write_result(directory / "ablation", result, plots.ablation(result))
    return result


def _accuracies(
    run: Run, combinations: list[Combination], finetune: bool, console: Console
) -> list[float]:
    """Of one float network."""
    trained, accuracies = run.workspace.fingerprint, []
    recipe = run.config.finetune if finetune else None
    for row, sc, arithmetic in track(combinations, "ablation", console=console):
        run.workspace.fingerprint = trained
        name = "-".join(str(value).replace(" ", "_") for value in row.values())
        inputs = [sc.model_dump(mode="json"), arithmetic, recipe and recipe.model_dump(mode="json")]
        run.workspace.step(
            name, inputs, lambda s=sc, a=arithmetic: convert_and_evaluate(run, s, a, recipe)
        )
        accuracies.append(run.workspace.results[name])
    return accuracies


def _combinations(config: RunConfig, scaling: bool) -> Iterator[Combination]:
    """The integer baseline has no sequences."""
    switches = (True, False) if scaling else (True,)
    for normalise, upscale, length in product(switches, switches, config.lengths):
        base = config.sc.model_copy(update={"normalise": normalise, "upscale": upscale})
        row = {"normalise": normalise, "upscale": upscale, "stream_length": length}
        for (kind, sources), (wiring, period) in product(SEQUENCES.items(), WIRINGS.items()):
            names = ("activation_source", "weight_source")
            wired = (source.model_copy(update={"period": period}) for source in sources)
            update = dict(zip(names, wired, strict=True))
            sc = ScConfig.model_validate({**base.model_dump(), **update}).with_length(length)
            yield {**row, "sequences": kind, "wiring": wiring}, sc, "stochastic"
        yield {**row, "sequences": "integer", "wiring": ""}, base.with_length(length), "binary"
