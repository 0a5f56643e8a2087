"""Sums of OR groups in training: exact on any device, with a gradient that knows of saturation."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from bitrain.golden import Streams, convolve
from bitrain.nn import ScConfig
from bitrain.nn.or_sums import OredSums
from bitrain.nn.sums import Geometry, StochasticSums

CONFIG = ScConfig(bits=4, lanes=5)
GEOMETRIES = [
    {"stride": (1, 1), "padding": (0, 0), "groups": 1},
    {"stride": (2, 1), "padding": (1, 2), "groups": 1},
    {"stride": (1, 2), "padding": (1, 0), "groups": 2},
]


def drawn(groups: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Activations and weights of 4 bits, in floats that take a gradient."""
    rng = np.random.default_rng(seed)
    maps = rng.integers(0, 17, (2, 4, 6, 5))
    weight = rng.integers(-16, 17, (4, 4 // groups, 3, 2))
    options = {"dtype": torch.float32, "requires_grad": True}
    return torch.tensor(maps, **options), torch.tensor(weight, **options)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("or_lanes", [2, 4, 8])
def test_sums_are_those_of_the_golden_model(or_lanes, geometry):
    activations, weight = drawn(geometry["groups"])
    sums = OredSums(*CONFIG.banks(), 8, or_lanes)
    streams = Streams(*CONFIG.banks(), 8, or_lanes)
    maps, matrix = (x.detach().numpy().astype(int) for x in (activations, weight))
    expected = convolve(streams, maps, matrix, **geometry)
    assert np.array_equal(sums(activations, weight, Geometry(**geometry)).detach(), expected)
    assert np.array_equal(
        sums.multiply(activations.detach(), weight.detach(), Geometry(**geometry)), expected
    )
    plain = convolve(Streams(*CONFIG.banks(), 8), maps, matrix, **geometry)
    assert (expected != plain).any()


def expected_sums(activations, weight, or_lanes, *, stride, padding, groups):
    """L (exp(-Σ negative) - exp(-Σ positive)) over groups, as written, for streams of 8 bits."""
    batch, rows, columns = len(activations), *weight.shape[2:]
    windows = F.unfold(activations / 16, (rows, columns), padding=padding, stride=stride)
    total, size = [], len(weight) // groups
    for o, kernel in enumerate(weight / 16):
        inputs = windows.chunk(groups, 1)[o // size]
        products = inputs * kernel.reshape(-1, 1)  # (batch, K, positions)
        neuron = torch.zeros(batch, windows.shape[2])
        for group in products.split(or_lanes, 1):
            positive, negative = F.relu(group).sum(1), F.relu(-group).sum(1)
            neuron = neuron + 8 * (torch.exp(-negative) - torch.exp(-positive))
        total.append(neuron)
    return torch.stack(total, 1)


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("or_lanes", [2, 4, 8])
def test_gradient_is_that_of_the_saturating_sum(or_lanes, geometry):
    pairs = []
    for model in (
        lambda x, w: OredSums(*CONFIG.banks(), 8, or_lanes)(x, w, Geometry(**geometry)),
        lambda x, w: expected_sums(x, w, or_lanes, **geometry),
    ):
        activations, weight = drawn(geometry["groups"])
        with torch.no_grad():  # relu has no gradient where a product is zero
            activations.clamp_(min=1)
            weight += weight == 0
        sums = model(activations, weight).flatten()
        wanted = torch.from_numpy(np.random.default_rng(1).normal(size=len(sums))).float()
        (sums * wanted).sum().backward()
        pairs.append((activations.grad, weight.grad))
    for ours, theirs in zip(*pairs, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_gradient_of_weights_of_zero_is_that_without_groups():
    gradients = []
    for sums in OredSums(*CONFIG.banks(), 8, 4), StochasticSums(*CONFIG.banks(), 8):
        activations, weight = drawn(1)
        with torch.no_grad():
            weight.zero_()
        sums(activations, weight).sum().backward()
        gradients.append(weight.grad)
    torch.testing.assert_close(*gradients)


def test_images_need_no_gradient():
    activations, weight = drawn(1)
    OredSums(*CONFIG.banks(), 8, 4)(activations.detach(), weight).sum().backward()
    assert weight.grad is not None and activations.grad is None
