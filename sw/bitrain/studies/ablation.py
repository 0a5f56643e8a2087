"""``bitrain ablate``: what normalisation, upscaling, sharing and sequences are each worth.

One float network is converted with every combination of them at every stream length, without any
SC training unless asked for, so that the figures show what the arithmetic itself loses. Accuracies
are the golden model's, of the test images.
"""

from itertools import product
from pathlib import Path
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
SEQUENCES = {
    "LFSR × LFSR": (
        StreamSource(kind="lfsr", wiring="rotated"),
        StreamSource(kind="lfsr", wiring="rotated", seed=1),
    ),
    "van der Corput × Sobol": (VAN_DER_CORPUT, StreamSource(kind="sobol")),
    "van der Corput × ramp": (VAN_DER_CORPUT, StreamSource(kind="ramp")),
}
"""Activation source and weight source."""
WIRINGS = {"one for each lane": None, "one for all lanes": 1}
"""How the lanes of a bank are wired: ``StreamSource.period``."""


def run_ablation(
    config: RunConfig, directory: Path, *, finetune: bool, console: Console
) -> dict[str, Any]:
    """Accuracies (%) of all combinations; writes ``ablation.json`` and ``ablation.svg``.

    finetune: train every combination as ``config.finetune`` says. Finished combinations in
    ``directory`` are kept.
    """
    dataset = load_dataset(config.data.name, **config.data.source)
    products = ("ablation.json", "ablation.svg")
    run = Run(config, Workspace(directory, fingerprint=dataset.digest, products=products), dataset)
    check_model(run)
    run_steps(run, ["train"], console)
    trained, rows = run.workspace.fingerprint, []
    recipe = config.finetune if finetune else None
    for row, sc, arithmetic in track([*_combinations(config)], "ablation", console=console):
        run.workspace.fingerprint = trained
        name = "-".join(str(value).replace(" ", "_") for value in row.values())
        inputs = [sc.model_dump(mode="json"), arithmetic, recipe and recipe.model_dump(mode="json")]
        run.workspace.step(
            name, inputs, lambda s=sc, a=arithmetic: convert_and_evaluate(run, s, a, recipe)
        )
        rows.append({**row, "accuracy": run.workspace.results[name]})
    result = {
        "name": config.name,
        "model": config.model,
        "data": dataset.note,
        "test_images": len(dataset.test_images),
        "fine_tuned": finetune,
        "float": run.workspace.results["train"]["accuracy"],
        "rows": rows,
    }
    write_result(directory / "ablation", result, plots.ablation(result))
    return result


def _combinations(config: RunConfig):
    """Row of the table, configuration and arithmetic; the integer baseline has no sequences."""
    for normalise, upscale, length in product((True, False), (True, False), config.lengths):
        base = config.sc.model_copy(update={"normalise": normalise, "upscale": upscale})
        row = {"normalise": normalise, "upscale": upscale, "stream_length": length}
        for (kind, sources), (wiring, period) in product(SEQUENCES.items(), WIRINGS.items()):
            names = ("activation_source", "weight_source")
            wired = (source.model_copy(update={"period": period}) for source in sources)
            update = dict(zip(names, wired, strict=True))
            sc = ScConfig.model_validate({**base.model_dump(), **update}).with_length(length)
            yield {**row, "sequences": kind, "wiring": wiring}, sc, "stochastic"
        yield {**row, "sequences": "integer", "wiring": ""}, base.with_length(length), "binary"
