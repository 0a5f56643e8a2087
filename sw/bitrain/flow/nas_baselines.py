"""What a search is compared with: networks of as many multiplications, trained alike."""

from collections.abc import Callable, Sequence
from typing import Any

from bitrain.nas import (
    CellGenotype,
    CellNetwork,
    FineConfig,
    coarse_network,
    derived_network,
    node_wise_stages,
    random_stages,
    scaled_to,
)

from .nas_run import Search, described

Maker = Callable[[FineConfig], CellNetwork]
"""A network for a space of other widths."""


def compare(run: Search) -> dict[str, Any]:
    """Train the found network and the others from random weights."""
    macs = run.results["derive"]["macs"]
    found = {}
    for name, make in _makers(run).items():

        def train(file: str, make: Maker = make, name: str = name) -> dict[str, Any]:
            network = scaled_to(make, run.config.space, run.dataset.in_shape, macs)
            return run.train_alike(network, file, name)

        found[name] = run.step(f"baseline-{name.replace(' ', '-')}", macs, train)
        run.console.print(f"{name}, from random weights: {described(found[name])}")
    return found


def _makers(run: Search) -> dict[str, Maker]:
    config, genotype = run.config, run.genotype
    shape = run.dataset.in_shape, run.dataset.num_classes
    seed = config.retrain.seed

    def fine(cells: Sequence[Sequence[CellGenotype]]) -> Maker:
        return lambda space: derived_network(space, cells, *shape, seed=seed)

    makers: dict[str, Maker] = {
        "found": fine(run.cells),
        "coarse": lambda space: coarse_network(space, genotype, *shape, seed=seed),
        "node-wise": fine(
            node_wise_stages(
                *(config.space, genotype, *shape),
                strengths=[stage["strengths"] for stage in run.results["fine"]],
            )
        ),
    }
    for number in range(config.random_networks):
        cells = random_stages(
            *(config.space, genotype, run.teacher(), run.dataset),
            prune=config.prune,
            seed=number,
        )
        makers[f"random {number}"] = fine(cells)
    return makers
