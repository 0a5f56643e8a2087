"""Normalisation and upscaling against their baseline, and the scales that they leave."""

import math
from itertools import pairwise

import pytest
import torch

from bitrain.nn import ScConfig, ScModel, convert


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


def test_scales_fold_forward(trained, digits) -> None:
    steps = convert(trained, digits.in_shape, digits.train_images, ScConfig()).steps
    assert steps[0].in_scale == 1
    for layer, following in pairwise(steps):
        assert following.in_scale.item() == layer.out_scale
        assert 0 < layer.clip <= layer.source.weight.abs().max()
