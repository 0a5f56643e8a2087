"""What the families of models share."""

import pytest
import torch
from torch import nn

from bitrain.models import BlockSpec
from bitrain.models.parts import check_size, plainly_initialised, scores
from bitrain.spec import BitrainError, Shape


@pytest.mark.parametrize("shape", [Shape(3, 4, 4), Shape(1, 9, 4)])
def test_images_that_are_large_enough(shape):
    check_size(shape, 4)


@pytest.mark.parametrize("shape", [Shape(3, 3, 9), Shape(3, 9, 3)])
def test_images_that_are_too_small(shape):
    size = f"{shape.height} x {shape.width}"
    with pytest.raises(BitrainError) as error:
        check_size(shape, 4)
    assert str(error.value) == f"images of {size} are too small; expected at least 4 x 4"


def test_the_last_block_has_no_relu():
    found = scores(8, 5, area=9)
    assert (found.kind, found.in_channels, found.area, found.out_channels) == ("linear", 8, 9, 5)
    assert not found.relu and not found.average and scores(8, 5, average=True).average


def test_initial_weights_are_those_of_torchs_layers():
    """Within ±1 / sqrt(inputs), where a block's own are normal; one draw from the generator."""
    spec = BlockSpec(kind="conv", in_channels=4, out_channels=50, layers=2)
    torch.manual_seed(3)
    block = plainly_initialised(spec)
    torch.manual_seed(3)
    expected = [nn.Conv2d(inputs, 50, 3, bias=False).weight for inputs in (4, 50)]
    convs = [module for module in block if isinstance(module, nn.Conv2d)]
    for conv, weight in zip(convs, expected, strict=True):
        assert torch.equal(conv.weight, weight)
        assert conv.weight.abs().max() <= (9 * conv.in_channels) ** -0.5
