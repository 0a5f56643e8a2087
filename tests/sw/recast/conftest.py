"""What the tests of recasting share: a task that is learnt at once, and nets of a few channels."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import nn

from bitrain.data import Dataset
from bitrain.models import Block, BlockSpec
from bitrain.train.config import TrainConfig
from bitrain.train.loop import fit

KINDS = ("conv", "residual", "bottleneck", "dense", "separable")
"""Kinds of block that give a map."""


def _images(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bright spots of 8 x 8; the class says in which quarter."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 4
    centres = np.stack([labels // 2, labels % 2]) * 4 + rng.uniform(0.5, 2.5, (2, count))
    squares = (np.arange(8) - centres[..., None]) ** 2
    images = np.exp(-(squares[0][:, :, None] + squares[1][:, None, :]) / 3)
    return images[:, None].astype(np.float32), labels.astype(np.int64)


@pytest.fixture(scope="session")
def spots() -> Dataset:
    """60 training images."""
    train, test = _images(60, 1), _images(130, 2)
    return Dataset(
        name="spots",
        note="",
        classes=tuple("abcd"),
        train_images=train[0],
        train_labels=train[1],
        test_images=test[0],
        test_labels=test[1],
    )


def _specs(kind: str, strides: tuple[int, int]) -> list[BlockSpec]:
    options = {"middle": 4} if kind == "bottleneck" else {}
    inside = [
        BlockSpec.model_validate(
            {"kind": kind, "in_channels": 6, "out_channels": filters, "stride": stride, **options}
        )
        for filters, stride in zip((6, 8), strides, strict=True)
    ]
    area = (8 // strides[0] // strides[1]) ** 2
    stem = BlockSpec(kind="conv", in_channels=1, out_channels=6)
    head = BlockSpec(kind="linear", in_channels=8, out_channels=4, area=area, relu=False)
    return [stem, *inside, head]


_LINEAR = [
    BlockSpec(kind="conv", in_channels=1, out_channels=3, stride=2),
    BlockSpec(kind="linear", in_channels=3, out_channels=8, area=16),
    BlockSpec(kind="linear", in_channels=8, out_channels=6),
    BlockSpec(kind="linear", in_channels=6, out_channels=4, relu=False),
]


@pytest.fixture(scope="session")
def make_net(spots: Dataset) -> Callable[..., nn.Sequential]:
    """A trained convolution, two blocks of a kind and the scores; or three linear blocks at the
    end."""

    made: dict[tuple[str, tuple[int, int], int], nn.Sequential] = {}

    def make(kind: str, strides: tuple[int, int] = (1, 2), epochs: int = 12) -> nn.Sequential:
        key = kind, strides, epochs
        if key not in made:
            with torch.random.fork_rng():
                torch.manual_seed(0)
                specs = _LINEAR if kind == "linear" else _specs(kind, strides)
                made[key] = nn.Sequential(*map(Block, specs))
            recipe = {"epochs": epochs, "batch_size": 15, "learning_rate": 0.01, "max_shift": 0}
            fit(made[key], spots, TrainConfig.model_validate(recipe))
        return deepcopy(made[key])

    return make
