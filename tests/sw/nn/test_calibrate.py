"""Normalisation and upscaling against their baseline, and the scales that they leave."""

import math
from copy import deepcopy
from itertools import pairwise

import pytest
import torch
from torch import nn

from bitrain.models import Residual
from bitrain.nn import ScConfig, ScModel, StreamSource, convert
from bitrain.nn.calibrate import LEVELS


def signal_to_noise(sc_model: ScModel, model, images) -> float:
    """Of the scores, in dB."""
    with torch.no_grad():
        wanted, found = model(images), sc_model(images)
    return 10 * math.log10(wanted.square().sum() / (found - wanted).square().sum())


@pytest.mark.parametrize("bits", [3, 5])
def test_normalisation_helps(trained, digits, bits) -> None:
    images = torch.from_numpy(digits.test_images)
    searched, plain = (
        convert(
            trained,
            digits.in_shape,
            digits.train_images,
            ScConfig(bits=bits, normalise=normalise),
        )
        for normalise in (True, False)
    )
    gain = signal_to_noise(searched, trained, images) - signal_to_noise(plain, trained, images)
    assert gain > 1.5


def test_scales_without_normalisation(trained, digits) -> None:
    """No weight and no calibrated activation saturates, and one shift less would not do."""
    config = ScConfig(bits=6, normalise=False)
    sc_model = convert(trained, digits.in_shape, digits.train_images, config)
    wanted = torch.from_numpy(digits.train_images[: config.calibration_images])
    for layer in sc_model.steps:
        assert layer.clip == layer.source.weight.abs().max()
        wanted = layer.source.forward(wanted)
        if layer.source.relu:
            assert layer.out_scale / 2 < wanted.max() <= layer.out_scale


def test_channels_of_small_weights_are_upscaled(trained, digits) -> None:
    """Without normalisation the upscale is the largest that saturates no weight."""
    config = ScConfig(bits=6, normalise=False)
    for layer in convert(trained, digits.in_shape, digits.train_images, config).steps:
        largest = layer.source.weight.abs().amax((1, 2, 3))
        clips = layer.clip / 2.0**layer.upscale
        assert (largest <= clips).all()
        if layer.source.relu:
            assert ((largest > clips / 2) | (layer.upscale == LEVELS - 1)).all()
        else:
            assert not layer.upscale.any()


def test_channels_of_different_size_gain_from_clips_of_their_own(trained, digits) -> None:
    model = deepcopy(trained)
    with torch.no_grad():  # the same function, with some channels 16 times as small
        model[0][1].weight[:8] /= 16
        model[0][1].bias[:8] /= 16
        model[1][0].weight[:, :8] *= 16
    images = torch.from_numpy(digits.test_images)
    separate, shared = (
        convert(model, digits.in_shape, digits.train_images, ScConfig(upscale=upscale))
        for upscale in (True, False)
    )
    assert any(layer.upscale.any() for layer in separate.steps)
    assert not any(layer.upscale.any() for layer in shared.steps)
    gain = signal_to_noise(separate, model, images) - signal_to_noise(shared, model, images)
    assert gain > 1


@pytest.mark.parametrize("normalise", [True, False])
def test_gain_of_a_shortcut_is_exact(digits, normalise) -> None:
    """One step of what the shortcut adds is a whole number of product bits."""
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 6, 3, padding=1), nn.ReLU()),
        Residual(nn.Sequential(nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 6, 1))),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 10)),
    )
    config = ScConfig(bits=6, normalise=normalise)
    sc_model = convert(model, digits.in_shape, digits.train_images, config)
    steps = sc_model.steps
    step = steps[0].out_scale / steps[0].one
    assert step / steps[2].product_scale == pytest.approx(steps[2].gain.item(), rel=1e-9)
    assert signal_to_noise(sc_model, model, torch.from_numpy(digits.test_images)) > 20


def test_average_errors_are_in_the_bias(trained, digits) -> None:
    """Channels of the scores are right on average where sequences have a systematic error."""
    images = torch.from_numpy(digits.train_images)
    sources = dict.fromkeys(("activation_source", "weight_source"), StreamSource(kind="lfsr"))
    sources["weight_source"] = StreamSource(kind="lfsr", seed=1)
    config = ScConfig(bits=4, calibration_images=len(images), **sources)
    corrected = convert(trained, digits.in_shape, digits.train_images, config)
    with torch.no_grad():
        wanted, found = trained(images), corrected(images)
        # Within the half product bit that a bias rounds to.
        assert (found - wanted).mean(0).abs().max() < corrected.steps[-1].product_scale
        for layer in corrected.steps:
            layer.bias.copy_(layer.source.bias)
        assert (corrected(images) - wanted).mean(0).abs().max() > 0.1 * wanted.abs().mean()


def test_scales_fold_forward(trained, digits) -> None:
    steps = convert(trained, digits.in_shape, digits.train_images, ScConfig()).steps
    assert steps[0].in_scale == 1
    for layer, following in pairwise(steps):
        assert following.in_scale.item() == layer.out_scale
        assert 0 < layer.clip <= layer.source.weight.abs().max()


class Sum(nn.Module):
    """Two activations, the second some times as large as the first, and their sum."""

    def __init__(self, first: float, second: float, last: float):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.third = nn.Conv2d(6, 6, 3, padding=1)
        self.linear = nn.Linear(6, 4)
        self.sizes = first, second, last

    def forward(self, x):
        first, second, last = self.sizes
        x = first * torch.relu(self.first(x))
        y = second * torch.relu(self.second(x / first))
        x = torch.relu(x + y) if not last else torch.relu(x + last * self.third(y / second))
        return self.linear(x.mean((2, 3)))


@pytest.mark.parametrize(
    "sizes", [(1, 1, 0), (1, 30, 0), (30, 1, 0), (1, 1, 30), (1, 1, 0.1), (30, 1, 1), (1, 30, 1)]
)
def test_no_weight_saturates_for_a_shortcut(sizes) -> None:
    """A gain is an integer, so a step of the added map is worth a product bit at least."""
    images = torch.rand(64, 1, 8, 8)
    sc_model = convert(Sum(*sizes), (1, 8, 8), images[:32], ScConfig(bits=8))
    (layer,) = [each for each in sc_model.steps if each.source.shortcut]
    with torch.no_grad():
        wanted, found = sc_model.float_scores(images), sc_model(images)
        assert layer.clip >= 0.7 * layer.scaled_weight.abs().max()
    error = (found - wanted).square().mean() / (wanted - wanted.mean(0)).square().mean()
    assert error < 0.03
