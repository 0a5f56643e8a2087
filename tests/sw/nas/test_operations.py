"""Shapes, signs and costs of the operations."""

import pytest
import torch

from bitrain.models import Subsample
from bitrain.nas.operations import ACCELERATED, OPERATIONS, build_operation
from bitrain.profile.cost import model_cost
from bitrain.spec import BitrainError, Shape


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("stride", [1, 2])
def test_shapes(name, stride):
    for channels, filters, size in ((6, 6, 8), (6, 8, 7), (3, 8, 8), (6, 6, 7)):
        operation = build_operation(name, channels, filters, stride)
        outputs = operation(torch.rand(2, channels, size, 6))
        assert outputs.shape == (2, filters, -(-size // stride), 6 // stride)


def test_none_gives_zeros_and_skip_the_input():
    images = torch.rand(2, 4, 6, 6)
    assert not build_operation("none", 4, 4, 1)(images).any()
    assert build_operation("skip", 4, 4, 1)(images) is images
    assert torch.equal(build_operation("skip", 4, 8, 2)(images), Subsample(4, 8, 2)(images))


def test_weights_and_multiplications():
    """Per pixel of a map of 8 channels."""
    expected = {
        "none": 0,
        "skip": 0,
        "conv_1x1": 64,
        "conv_3x3": 9 * 64,
        "conv_5x5": 25 * 64,
        "narrow_3x3": 9 * 32 + 32,
        "sep_conv_3x3": 9 * 8 + 64,
        "sep_conv_5x5": 25 * 8 + 64,
        "dil_conv_3x3": 9 * 8 + 64,
        "dil_conv_5x5": 25 * 8 + 64,
        "avg_pool_3x3": 0,
        "max_pool_3x3": 0,
    }
    found = {
        name: model_cost(build_operation(name, 8, 8, 1), Shape(8, 4, 4)).macs / 16
        for name in OPERATIONS
    }
    assert found == expected


def test_dilation_reaches_further():
    spot = torch.zeros(1, 1, 9, 9)
    spot[..., 4, 4] = 1
    for name, reach in (("sep_conv_3x3", 1), ("dil_conv_3x3", 2), ("dil_conv_5x5", 4)):
        depthwise = build_operation(name, 1, 1, 1).get_submodule("0")
        rows = depthwise(spot)[0, 0].any(1).nonzero().flatten()
        assert (rows.min(), rows.max()) == (4 - reach, 4 + reach), name


def test_an_unknown_one():
    with pytest.raises(BitrainError, match="operation 'conv_9x9' is unknown; choose from"):
        build_operation("conv_9x9", 4, 4, 1)
    assert set(ACCELERATED) < set(OPERATIONS)
