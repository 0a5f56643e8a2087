"""What the tests of the search share: few images, a small space, a teacher in it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from bitrain.data import Dataset
from bitrain.nas.genotype import KNOWN
from bitrain.nas.network import CellNetwork, coarse_network
from bitrain.nas.search import SearchConfig
from bitrain.nas.space import FineConfig
from bitrain.train.config import TrainConfig
from bitrain.train.loop import fit

TORCH = FineConfig(
    widths=(4, 8),
    cells=(1, 2),
    nodes=2,
    join="concat",
    operations=("skip", "conv_1x1", "conv_3x3", "sep_conv_3x3", "max_pool_3x3"),
)
ACCELERATOR = FineConfig(
    widths=(4, 8),
    cells=(2, 2),
    nodes=2,
    join="last",
    target="accelerator",
    operations=("conv_1x1", "conv_3x3", "narrow_3x3"),
)
RECIPE = SearchConfig(epochs=2, batch_size=32, learning_rate=0.005, alpha_learning_rate=0.05)


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """A quarter as many networks to choose a random one from."""
    monkeypatch.setattr("bitrain.nas.stage.DRAWN", 8)


@pytest.fixture(params=[TORCH, ACCELERATOR], ids=["torch", "accelerator"])
def space(request) -> FineConfig:
    return request.param


@pytest.fixture(scope="session")
def few(digits: Dataset) -> Dataset:
    """96 images to train with."""
    return replace(
        digits, train_images=digits.train_images[:96], train_labels=digits.train_labels[:96]
    )


@pytest.fixture(scope="session")
def make_teacher(few: Dataset) -> Callable[[FineConfig], CellNetwork]:
    """A network of residual cells after some training; a new one at each call."""
    states: dict[FineConfig, dict[str, torch.Tensor]] = {}

    def make(space: FineConfig) -> CellNetwork:
        network = coarse_network(space, KNOWN["residual"], few.in_shape, few.num_classes)
        if space not in states:
            recipe = TrainConfig(epochs=3, batch_size=16, learning_rate=0.01)
            fit(network, few, recipe)
            states[space] = {k: v.clone() for k, v in network.state_dict().items()}
        network.load_state_dict(states[space])
        return network.eval()

    return make


@pytest.fixture
def recipe() -> SearchConfig:
    return RECIPE


def randomise(module: nn.Module, seed: int = 0) -> None:
    """Draw all that batch norm holds, and biases."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None and part.running_var is not None
            for tensor in (part.weight.data, part.running_var):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
            for tensor in (part.bias.data, part.running_mean):
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
