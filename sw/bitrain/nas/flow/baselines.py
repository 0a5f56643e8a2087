"""What a search is compared with: networks of as many multiplications, trained alike."""

import math
from functools import partial
from typing import Any

from ..join import cut_out, node_wise_stages, scaled_to
from ..network import CellNetwork, FineGenotype, derived_network
from ..space import FineConfig
from ..stage import random_stages, recover_stages
from .run import Search, described


def compare(run: Search) -> dict[str, Any]:
    """Train the found network and its rivals from random weights, and from inherited ones.

    ``accuracy`` is that from random weights. Rivals inherit from the super-networks as they were
    before the pruning, and their stages train on as the found one's did in it; ``inherited`` is
    None for those whose widths had to be scaled. "coarse, longer" sees as many images as all that
    led to the found network.
    """
    macs = run.results["derive"]["macs"]
    found = {}
    for name, cells in _rivals(run).items():
        key = name.replace(" ", "-")
        row = run.step(f"baseline-{key}", macs, partial(from_random_weights, run, cells, macs))
        if name == "found":
            own = run.results["retrain"]["accuracy"]
        elif row["widths"] != list(run.config.space.widths):
            own = None
        else:
            own = run.step(f"inherited-{key}", macs, partial(_inherited, run, cells))["accuracy"]
        found[name] = {**row, "inherited": own}
        more = "" if own is None else f"; from inherited ones {own:.2f} %"
        run.console.print(f"{name}, from random weights: {described(row)}{more}")
    epochs = _epochs_in_all(run)
    train = partial(from_random_weights, run, _coarse(run), macs, epochs=epochs)
    row = run.step("baseline-coarse-longer", [macs, epochs], train)
    found["coarse, longer"] = {**row, "inherited": None}
    run.console.print(f"coarse, {epochs} epochs from random weights: {described(row)}")
    return found


def _epochs_in_all(run: Search) -> int:
    """Epochs in which a network sees as many images as all that led to the found one, rounded up.

    The images are the teacher's, those of the super-network and its rounds (in the stage that had
    most), and those of the retraining.
    """
    config, count = run.config, len(run.dataset.train_images)
    passes = max(sum(map(len, stage["losses"].values())) for stage in run.results["fine"])
    images = passes * (config.search.images or count)
    for part in (config.teacher, config.retrain):
        images += part.epochs * (part.images or count)
    return math.ceil(images / (config.retrain.images or count))


def from_random_weights(
    run: Search, cells: FineGenotype, macs: int, name: str, *, epochs: int | None = None
) -> dict[str, Any]:
    """Scaled to ``macs``, trained from random weights: widths, accuracy (%), costs.

    ``epochs``: other than the recipe's.
    """
    shape, seed = (run.dataset.in_shape, run.dataset.num_classes), run.config.retrain.seed

    def make(space: FineConfig) -> CellNetwork:
        return derived_network(space, cells, *shape, seed=seed)

    network = scaled_to(make, run.config.space, run.dataset.in_shape, macs)
    return {"widths": network.widths, **run.train_alike(network, name, "random weights", epochs)}


def _inherited(run: Search, cells: FineGenotype, name: str) -> dict[str, Any]:
    """With the weights that the super-networks have for its operations.

    Each stage is trained for as long as what was found was between its rounds of pruning.
    """
    config, teacher = run.config, run.teacher()
    network = cut_out(config.space, run.genotype, cells, teacher, run.files("whole"))
    losses = (found["losses"] for found in run.results["fine"])
    recover_stages(
        *(network, teacher, run.dataset, config.search),
        epochs=[sum(len(own[step]) for step in own if step != "search") for own in losses],
        array=config.array if config.search.penalty.cycles else None,
        checkpoint=lambda index: run.checkpoint(f"{name}-stage{index}"),
    )
    return run.train_alike(network, name, "inherited weights")


def _coarse(run: Search) -> FineGenotype:
    return run.genotype.stages(run.config.space.cells)


def _rivals(run: Search) -> dict[str, FineGenotype]:
    space, genotype = run.config.space, run.genotype
    shape = run.dataset.in_shape, run.dataset.num_classes
    strengths = [stage["strengths"] for stage in run.results["fine"]]
    rivals: dict[str, FineGenotype] = {
        "found": run.cells,
        "coarse": _coarse(run),
        "node-wise": node_wise_stages(space, genotype, *shape, strengths=strengths),
    }
    for number in range(run.config.random_networks):
        rivals[f"random {number}"] = random_stages(
            *(space, genotype, run.teacher(), run.dataset),
            limits=[stage["macs"] for stage in run.results["fine"]],
            seed=(run.config.retrain.seed << 8) + number,
        )
    return rivals
