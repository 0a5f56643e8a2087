"""Channels of more equal ranges, in a chain that computes the same."""

import pytest
import torch
from torch import nn

from bitrain.frontend import read_chain
from bitrain.frontend.float_layer import walk
from bitrain.models import Residual
from bitrain.nn.equalise import LEAST, equalised
from bitrain.spec import Shape

SHAPE = Shape(3, 12, 12)


def maps(chain, images):
    return walk(chain, images, lambda index, reads, added: chain[index].forward(reads, added))


def uneven(layer: nn.Conv2d) -> nn.Conv2d:
    """Channels of ranges from 1 to 1/40 and less."""
    factors = torch.logspace(0, -1.6, layer.out_channels)
    with torch.no_grad():
        layer.weight.mul_(factors[:, None, None, None])
        assert layer.bias is not None
        layer.bias.mul_(factors)
    return layer


def model(activation: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        uneven(nn.Conv2d(3, 8, 3, padding=1)),
        activation,
        nn.MaxPool2d(2),
        uneven(nn.Conv2d(8, 8, 3, padding=1, groups=8)),
        activation,
        Residual(nn.Sequential(uneven(nn.Conv2d(8, 6, 1)), nn.ReLU(), nn.Conv2d(6, 8, 1))),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8 * 36, 10),
    ).eval()


@pytest.mark.parametrize("activation", [nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.2)])
@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_the_same_is_computed(activation, exponent):
    images = torch.rand(32, *SHAPE)
    chain = read_chain(model(activation), SHAPE, images)
    found = equalised(chain, images, exponent)
    assert sum(a is not b for a, b in zip(chain, found, strict=True)) >= 4
    before, after = maps(chain, images)[-1], maps(found, images)[-1]
    assert torch.allclose(before, after, rtol=1e-4, atol=1e-4 * before.abs().max().item())


def test_ranges_become_equal():
    images = torch.rand(32, *SHAPE)
    chain = read_chain(model(nn.ReLU()), SHAPE, images)
    before, after = (maps(each, images)[0] for each in (chain, equalised(chain, images, 1.0)))
    ranges = [part.amax((0, 2, 3)) for part in (before, after)]
    assert ranges[0].max() > 8 * ranges[0].min()
    least = (ranges[0] / ranges[0].max()).clamp(max=LEAST) / LEAST
    assert torch.allclose(ranges[1] / ranges[1].max(), least.clamp(max=1), rtol=1e-4)


def test_what_a_shortcut_adds_is_left_alone():
    images = torch.rand(8, *SHAPE)
    chain = read_chain(model(nn.ReLU()), SHAPE, images)
    found = equalised(chain, images, 1.0)
    index = next(layer.shortcut.source for layer in chain if layer.shortcut)
    kept = maps(found, images)[index], maps(chain, images)[index]
    assert torch.allclose(*kept, rtol=1e-4, atol=1e-6)


def test_a_ceiling_cuts_nothing_that_was_seen():
    """Ranges are of what is below the ceiling."""
    torch.manual_seed(1)
    images = torch.rand(16, *SHAPE)
    chain = read_chain(model(nn.ReLU6()), SHAPE, images)
    for layer, stored in zip(chain, maps(equalised(chain, images, 1.0), images), strict=True):
        if layer.ceiling is not None:
            assert stored.max() <= layer.ceiling
