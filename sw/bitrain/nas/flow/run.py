"""What the steps of ``bitrain search`` share: the run, and the networks that steps have left."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from bitrain.data import Dataset
from bitrain.profile.cost import model_cost
from bitrain.recast.match import finetune_student
from bitrain.runner.workspace import Workspace
from bitrain.train.evaluate import evaluate
from bitrain.train.loop import Job

from ..genotype import CellGenotype, Genotype
from ..join import join_stages, load_parts
from ..network import CellNetwork, coarse_network, derived_network
from .config import NasConfig


@dataclass
class Search:
    """One run."""

    config: NasConfig
    dataset: Dataset
    workspace: Workspace
    console: Console
    results: dict[str, Any] = field(default_factory=dict)
    workers: int = 1
    """Processes that search stages side by side."""
    scheduler: str | None = None
    """Address of a Dask cluster in their place."""

    def step(
        self, name: str, inputs: Any, compute: Callable[[str], Any], outputs: tuple[str, ...] = ()
    ) -> Any:
        """What ``compute`` gives for a name of its checkpoint, unless that is known.

        outputs: files that the step writes; without one of them it runs again.
        """
        workspace = self.workspace
        workspace.step(name, inputs, lambda: compute(f"{name}-{workspace.key}"), outputs)
        return workspace.results[name]

    def checkpoint(self, name: str) -> Path:
        """Checkpoint of a training."""
        return self.workspace.path("checkpoints", f"{name}.pt")

    @property
    def genotype(self) -> Genotype:
        """The coarse cells."""
        return Genotype.model_validate(self.results["coarse"])

    @property
    def cells(self) -> list[list[CellGenotype]]:
        """Those that the fine search found, by stage."""
        found: Sequence[dict[str, Any]] = self.results["fine"]
        return [[CellGenotype.model_validate(cell) for cell in stage["cells"]] for stage in found]

    def teacher(self) -> CellNetwork:
        """The coarse network, trained once that step is done."""
        shape, seed = (self.dataset.in_shape, self.dataset.num_classes), self.config.teacher.seed
        network = coarse_network(self.config.space, self.genotype, *shape, seed=seed)
        if "teacher" in self.results:
            load_parts(network, self.workspace.path(self.results["teacher"]["weights"]))
        return network

    def joined(self) -> CellNetwork:
        """The stages found, between the teacher's stem and head; retrained once that is done."""
        shape = (self.dataset.in_shape, self.dataset.num_classes)
        network = derived_network(self.config.space, self.cells, *shape)
        if "retrain" in self.results:
            load_parts(network, self.workspace.path(self.results["retrain"]["weights"]))
            return network.eval()
        join_stages(network, self.teacher(), self.files("weights"))
        return network

    def files(self, kind: str) -> list[Path]:
        """Files of every stage: its ``weights``, or ``whole``, those of the super-network."""
        return [self.workspace.path(stage[kind]) for stage in self.results["fine"]]

    def measured(self, network: CellNetwork) -> dict[str, Any]:
        """Accuracy (%) and costs."""
        return {
            "accuracy": 100 * evaluate(network, self.dataset),
            **asdict(model_cost(network, self.dataset.in_shape)),
        }

    def train_alike(
        self, network: CellNetwork, name: str, title: str, epochs: int | None = None
    ) -> dict[str, Any]:
        """Retrain by the one recipe: losses, accuracy, costs. ``epochs``: other than its own."""
        recipe = self.config.retrain
        if epochs:
            recipe = recipe.model_copy(update={"epochs": epochs})
        student: Any = network  # it trains any network that gives scores
        teacher: Any = self.teacher()
        job: Job = {"checkpoint": self.checkpoint(name), "title": title, "progress": True}
        losses = finetune_student(student, teacher, self.dataset, recipe, **job)
        return {"losses": losses, **self.measured(network)}


def described(found: dict[str, Any]) -> str:
    """A network in one line."""
    return (
        f"{found['accuracy']:.2f} %, {found['macs']:,} MACs, "
        f"{found['memory_access']:,} words of memory access"
    )
