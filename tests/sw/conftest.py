"""What the software tests share: digits, a small trained model, random models to convert."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from modules import draw_statistics, named_model, part
from studied import study_data, write_study
from torch import nn

from bitrain.data import Dataset, load_dataset
from bitrain.models import Concatenate, Residual
from bitrain.nn import ScConfig, StreamSource
from bitrain.spec import Shape
from bitrain.train.config import TrainConfig
from bitrain.train.loop import fit


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tests run in several processes; more threads than cores only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def study_images() -> Dataset:
    """Images and classes of ``study``."""
    return study_data()


@pytest.fixture(scope="session")
def study(tmp_path_factory, study_images) -> Path:
    """The folder of a study of two seeds."""
    return write_study(tmp_path_factory.mktemp("study"), study_images)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="session")
def trained(digits: Dataset) -> nn.Sequential:
    """A float model after few epochs; do not change it."""
    model = named_model("digits_cnn", digits.in_shape, digits.num_classes)
    fit(model, digits, TrainConfig(epochs=6, max_shift=0))
    return model


IN_SHAPE = Shape(2, 9, 8)
KINDS = ("lfsr", "ramp", "sobol", "van_der_corput")
WIRINGS = ("identical", "rotated", "inverted")


def _model(seed: int) -> nn.Sequential:
    """Two convolutions (stride, padding, batch norm, pooling in both orders) and a linear layer."""
    rng = np.random.default_rng(seed)
    stride, padding = (1, int(rng.integers(1, 3))), (int(rng.integers(2)), 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        pool = nn.Sequential(nn.MaxPool2d(2, stride=(1, 2)), nn.ReLU())
        model = nn.Sequential(
            nn.Conv2d(2, 5, (3, int(rng.integers(1, 4))), stride=stride, padding=padding),
            nn.BatchNorm2d(5, affine=bool(rng.integers(2))),
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Sequential(nn.Conv2d(5, 4, (2, 2), padding=(0, 1), bias=False), pool),
            nn.Flatten(),
            nn.Identity(),
        )
        norm = part(model, "1", nn.BatchNorm2d)
        draw_statistics(norm, variance=(0.2, 2))
        if norm.affine:
            nn.init.uniform_(norm.weight, -1.5, 1.5)
            nn.init.uniform_(norm.bias, -0.2, 0.2)
        features = model.eval()(torch.zeros(1, *IN_SHAPE)).shape[1]
        return model.append(nn.Linear(features, 5)).eval()


def _joined_model(seed: int) -> nn.Sequential:
    """Groups, average pooling, and concatenations read by all that can read them."""
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        growth, kernel = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        channels = 4 + growth
        narrow = nn.Conv2d(4, 3, 1), nn.ReLU()
        joins: list[nn.Module] = [
            nn.AvgPool2d(2, stride=(1, 2), padding=int(rng.integers(2))),
            nn.MaxPool2d(2, stride=(2, 1)),
            Residual(nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, groups=channels))),
            nn.Sequential(nn.Conv2d(channels, channels, (1, 2), groups=channels), nn.ReLU()),
        ]
        model = nn.Sequential(
            nn.Conv2d(2, 4, (kernel, 2), groups=int(rng.integers(1, 3)), stride=(1, 2)),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            Concatenate(nn.Sequential(*narrow, nn.Conv2d(3, growth, 3, padding=1), nn.ReLU())),
            joins[seed // 3 % len(joins)],
            Concatenate(nn.Sequential(nn.Conv2d(channels, growth, 1), nn.ReLU())),
            nn.Flatten(),
        )
        draw_statistics(model, variance=(0.2, 2))
        features = model.eval()(torch.zeros(1, *IN_SHAPE)).shape[1]
        return model.append(nn.Linear(features, 5)).eval()


def _config(seed: int) -> ScConfig:
    """Any sources with any wiring, streams of a whole period or shorter."""
    rng = np.random.default_rng(seed)
    bits = int(rng.integers(3, 7))
    activation, weight = rng.choice(KINDS, 2, replace=False)
    return ScConfig(
        bits=bits,
        stream_length=1 << int(rng.integers(1, bits + 1)),
        lanes=int(rng.integers(1, 20)),
        activation_source=StreamSource(kind=activation, wiring=rng.choice(WIRINGS), seed=1),
        weight_source=StreamSource(kind=weight, wiring=rng.choice(WIRINGS), seed=2),
        normalise=bool(rng.integers(2)),
    )


@dataclass(frozen=True)
class Case:
    """A model to convert, how, and images to try it with."""

    model: nn.Sequential
    config: ScConfig
    images: np.ndarray
    in_shape: Shape = IN_SHAPE


@pytest.fixture(scope="session")
def make_case() -> Callable[[int], Case]:
    """Draws a case from a seed."""

    def make(seed: int) -> Case:
        images = np.random.default_rng(seed).random((6, *IN_SHAPE), np.float32)
        model = _joined_model(seed) if seed % 3 == 2 else _model(seed)
        return Case(model, _config(seed), images)

    return make
