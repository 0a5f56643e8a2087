"""A searched network for the accelerator: trained through its streams, and written."""

from typing import Any

from bitrain.cost import estimate
from bitrain.export import CHECK_IMAGES, export_network
from bitrain.program import Program
from bitrain.spec import save_network
from bitrain.train.evaluate import evaluate_network
from bitrain.train.exits import accuracy_by_prefix
from bitrain.train.finetune import finetune_sc
from bitrain.train.loop import Job

from ..accelerated import to_sequential
from .run import Search

NETWORK = "network.npz"


def export(run: Search) -> dict[str, Any]:
    """Write ``network.npz``; golden accuracies (%) of it and of the integer baseline, cycles."""
    config = run.config
    inputs = config.model_dump(mode="json", include={"sc", "finetune", "array"})
    found = run.step("export", inputs, lambda name: _export(run, name), outputs=(NETWORK,))
    run.console.print(
        f"accelerator: {found['sc']:.2f} % at L = {found['stream_length']}, integer baseline "
        f"{found['integer']:.2f} %, {found['cycles']:,} cycles an image (estimated)"
    )
    return found


def _export(run: Search, name: str) -> dict[str, Any]:
    config, dataset = run.config, run.dataset
    model = to_sequential(run.joined())

    def tuned(arithmetic: str) -> tuple[Any, float, dict[str, float]]:
        checkpoint, title = run.checkpoint(f"{name}-{arithmetic}"), f"fine-tune, {arithmetic}"
        job: Job = {"checkpoint": checkpoint, "title": title, "progress": True}
        recipe = (config.sc, config.finetune)
        sc_model = finetune_sc(model, dataset, *recipe, arithmetic=arithmetic, **job)
        accuracy = evaluate_network(sc_model.to_network(config.name), dataset, arithmetic)
        return sc_model, 100 * accuracy, accuracy_by_prefix(sc_model, dataset)

    sc_model, accuracy, by_prefix = tuned("stochastic")
    _, integer, integer_by_prefix = tuned("binary")
    images, _ = dataset.examples(CHECK_IMAGES)
    notes = {
        **config.data.metadata(dataset.classes),
        "model": "searched",
        "recipe": config.model_dump(mode="json", include={"space", "retrain", "sc", "finetune"}),
        "float_accuracy": run.results["retrain"]["accuracy"],
    }
    network = export_network(sc_model, config.name, images, notes)
    save_network(network, run.workspace.path(NETWORK))
    return {
        "sc": accuracy,
        "integer": integer,
        "by_prefix": {"sc": by_prefix, "integer": integer_by_prefix},
        "stream_length": config.sc.length,
        "macs": network.macs,
        "cycles": estimate(Program(network, config.array)).latency,
    }
