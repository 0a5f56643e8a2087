"""The optimizers of the recipes."""

from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import nn

from .config import TrainConfig


class Optimizer(Protocol):
    """What a training needs of an optimizer; torch's have it."""

    param_groups: list[dict[str, Any]]

    def step(self) -> Any:
        """Change the parameters."""

    def zero_grad(self) -> None:
        """Forget the gradients."""

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """From a checkpoint."""


def make_optimizer(parameters: Iterable[nn.Parameter], config: TrainConfig) -> Optimizer:
    """The recipe's."""
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "sgd":
        return torch.optim.SGD(parameters, rate, momentum=0.9, weight_decay=decay, nesterov=True)
    return torch.optim.AdamW(parameters, rate, weight_decay=decay)
