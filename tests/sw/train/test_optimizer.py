"""The optimizers of the recipes: one step, by hand."""

import pytest
import torch
from torch import nn

from bitrain.train.config import TrainConfig
from bitrain.train.optimizer import make_optimizer


def step(optimizer, **options) -> float:
    """A weight of 1 after one step along a gradient of 4."""
    weight = nn.Parameter(torch.ones(1))
    config = TrainConfig(optimizer=optimizer, learning_rate=0.1, **options)
    weight.grad = torch.full((1,), 4.0)
    make_optimizer([weight], config).step()
    return weight.item()


@pytest.mark.parametrize("decay", [0, 0.5])
def test_adamw(decay):
    """The first step has the length of the rate; decay does not go through the gradient."""
    assert step("adamw", weight_decay=decay) == pytest.approx(1 - 0.1 * decay - 0.1)


@pytest.mark.parametrize("decay", [0, 0.5])
def test_sgd(decay):
    """Nesterov's first step is 1.9 gradients long, decay among them."""
    assert step("sgd", weight_decay=decay) == pytest.approx(1 - 0.1 * 1.9 * (4 + decay))


def test_gradients_are_forgotten():
    weight = nn.Parameter(torch.ones(1))
    optimizer = make_optimizer([weight], TrainConfig())
    weight.grad = torch.ones(1)
    optimizer.zero_grad()
    assert weight.grad is None and optimizer.param_groups[0]["lr"] == TrainConfig().learning_rate
