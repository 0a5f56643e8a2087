"""Search of one stage: a super-network learns what the teacher's stage gives, and what it needs.

A stage is fed with the teacher's activation, so that it depends on no other (blockwise supervision:
C. Li et al., *DNA*, arXiv:1911.13053). Two-point matching takes the rest of the dependency away:
beside the stage's own output, what the teacher's next stage makes of it is compared. Weights and
architecture parameters are trained together on the same images: with an activation as label, all of
its elements say something, and there is little to overfit.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Unpack

import torch
from pydantic import Field
from torch import Tensor, nn

from bitrain.data import Dataset
from bitrain.nn import best_device
from bitrain.program import Array
from bitrain.spec import Shape
from bitrain.train.config import TrainConfig
from bitrain.train.loop import Job, fit
from bitrain.train.optimizer import make_optimizer

from .log import SearchLog
from .network import CellNetwork, Stage, edges_of
from .penalty import Cost, CostModel, PenaltyConfig, penalty

Matching = Literal["output", "successor", "middle"]
"""Points that are compared: the stage's output; that and the output of the teacher's next stage (or
the scores); the output of the middle cell and of the last."""


class SearchConfig(TrainConfig):
    """Training of one stage's super-network."""

    epochs: int = Field(default=4, ge=1)
    matching: Matching = "successor"
    warmup_epochs: int = Field(default=1, ge=0)
    """Epochs in which the architecture parameters rest."""
    alpha_learning_rate: float = Field(default=0.01, gt=0)
    """Learning rate of the architecture parameters; Adam."""
    drop: float = Field(default=0.5, ge=0, lt=1)
    """Probability with which an operation is left out of a step; see :class:`Edge`."""
    penalty: PenaltyConfig = PenaltyConfig()
    together: bool = False
    """Search all stages as one, fed with images alone: end to end, to compare with."""


class Optimizers:
    """Weights by the recipe, architecture parameters by Adam, with one state for a checkpoint."""

    def __init__(self, module: nn.Module, config: SearchConfig):
        alphas = list(alphas_of(module))
        known = set(alphas)
        self.weights = make_optimizer((p for p in module.parameters() if p not in known), config)
        self.alphas = torch.optim.Adam(alphas, config.alpha_learning_rate)
        self.resting = False
        self.param_groups = self.weights.param_groups

    def step(self) -> None:
        """One step of both, or of the weights alone while architecture parameters rest."""
        self.weights.step()
        if not self.resting:
            self.alphas.step()

    def zero_grad(self) -> None:
        """Clear the gradients of both optimizers."""
        self.weights.zero_grad()
        self.alphas.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """States of both optimizers."""
        return {"weights": self.weights.state_dict(), "alphas": self.alphas.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the states of both optimizers."""
        self.weights.load_state_dict(state_dict["weights"])
        self.alphas.load_state_dict(state_dict["alphas"])
        self.param_groups = self.weights.param_groups


def alphas_of(module: nn.Module) -> Iterator[nn.Parameter]:
    """Architecture parameters, in the order of the edges, shared ones once."""
    return iter(dict.fromkeys(edge.alpha for _, edge in edges_of(module)))


class _Fed(nn.Module):
    """A stage behind the teacher's frozen part before it."""

    def __init__(self, stage: Stage, before: nn.Module):
        super().__init__()
        self.stage = stage
        self._before = [before]  # not a module of this one: it neither trains nor is saved

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images to the stage's input and the outputs of its cells."""
        with torch.no_grad():
            inputs = self._before[0](images)
        return (inputs, *self.stage.outputs(inputs))


def difference(ours: Tensor, theirs: Tensor) -> Tensor:
    """Mean squared difference as a share of the variance of ``theirs``; in float32."""
    with torch.autocast(ours.device.type, enabled=False):
        ours, theirs = ours.float(), theirs.float()
        return (ours - theirs).square().mean() / theirs.var().clamp(min=1e-9)


def train_stage(
    stage: Stage,
    teacher: CellNetwork,
    index: int,
    dataset: Dataset,
    config: SearchConfig,
    *,
    array: Array | None = None,
    logs: Path | None = None,
    **job: Unpack[Job],
) -> list[float]:
    """Train the super-network ``stage`` in the place of the teacher's stage ``index``.

    array: of the accelerator, where cycles are weighed. logs: folder for TensorBoard. Returns the
    loss of every epoch; none where the stage has no weights.
    """
    alphas = set(alphas_of(stage))
    if all(parameter in alphas for parameter in stage.parameters()):
        return []  # only pools and skips are left
    parts = teacher.to(best_device()).eval().parts()
    before = nn.Sequential(*parts[: index + 1])
    costs = CostModel(stage, input_shape(before, dataset.in_shape), array)
    reference = reference_cost(teacher, index, dataset.in_shape, array)
    for _, edge in edges_of(stage):
        edge.drop = config.drop
    optimizer = Optimizers(stage, config)
    match = stage_loss(teacher, index, config.matching)

    def loss(outputs: tuple[Tensor, ...], images: Tensor, labels: Tensor) -> Tensor:
        return match(outputs) + penalty(costs.expected(stage), reference, config.penalty)

    def rest(epoch: int) -> None:
        optimizer.resting = epoch < config.warmup_epochs

    log = SearchLog(logs)

    def record(epoch: int, mean: float) -> None:
        with torch.no_grad():
            log.add(epoch, mean, costs.expected(stage), stage)

    job.setdefault("title", f"stage {index}")
    losses = fit(
        *(_Fed(stage, before), dataset, config),
        before_epoch=rest,
        after_epoch=record,
        loss=loss,
        optimizer=optimizer,
        **job,
    )
    log.close()
    return losses


def stage_loss(
    teacher: CellNetwork, index: int, matching: Matching
) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """The difference from the teacher's stage, of the stage's input and its cells' outputs.

    The teacher is frozen: gradients pass through its next stage and end in ours.
    """
    own, after = teacher.eval().requires_grad_(False).parts()[index + 1 : index + 3]
    assert isinstance(own, Stage)

    def loss(outputs: tuple[Tensor, ...]) -> Tensor:
        inputs, *ours = outputs
        with torch.no_grad():
            theirs = own.outputs(inputs)
        total = difference(ours[-1], theirs[-1])
        if matching == "middle" and len(ours) > 1:
            middle = len(ours) // 2 - 1
            total = total + difference(ours[middle], theirs[middle])
        if matching == "successor":
            with torch.no_grad():
                wanted = after(theirs[-1])
            total = total + difference(after(ours[-1]), wanted)
        return total

    return loss


@torch.no_grad()
def input_shape(before: nn.Module, in_shape: Shape) -> Shape:
    """What comes out of ``before`` for one image."""
    parameter = next(before.parameters(), torch.zeros(()))
    return Shape(*before.eval()(parameter.new_zeros(1, *in_shape)).shape[1:])


def reference_cost(
    teacher: CellNetwork, index: int, in_shape: Shape, array: Array | None = None
) -> Cost:
    """Cost of the teacher's stage."""
    parts = teacher.cpu().parts()
    shape = input_shape(nn.Sequential(*parts[: index + 1]), in_shape)
    cost = CostModel(parts[index + 1], shape, array).total(parts[index + 1])
    teacher.to(best_device())
    return cost
