"""Shortcuts with weights: the convolution that they become a part of computes the same."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from bitrain.frontend.float_layer import FloatLayer
from bitrain.frontend.projection import projection_step, subsampling, with_projection
from bitrain.frontend.steps import conv_step
from bitrain.spec import BitrainError, Shape


def steps(conv: nn.Conv2d, projection: nn.Conv2d, block: Shape, read: Shape):
    """What is added to, and what is added: of the block's input."""
    return conv_step("body", conv, read), projection_step("shortcut", projection, block)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize(("kernel", "padding"), [(3, 1), (1, 0), ((3, 5), (1, 2))])
def test_one_convolution_of_both(kernel, padding, beside):
    """Where the last convolution reads the block's input itself, or a map beside it."""
    torch.manual_seed(0)
    conv, projection = nn.Conv2d(4, 6, kernel, padding=padding), nn.Conv2d(4, 6, 1)
    shape = Shape(4, 5, 6)
    last, added = steps(conv, projection, shape, shape)
    merged = with_projection(last, added, beside=beside)
    inputs, other = torch.rand(2, *shape), torch.rand(2, *shape)
    if beside:
        assert merged.in_shape == (8, 5, 6)
        expected = conv(other) + projection(inputs)
        found = merged.accumulate(torch.cat([other, inputs], 1))
    else:
        expected, found = conv(inputs) + projection(inputs), merged.accumulate(inputs)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_batch_norm_is_folded_and_dropout_ignored():
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3)
    nn.init.uniform_(norm.bias)
    shortcut = nn.Sequential(nn.Conv2d(2, 3, 1, stride=2), norm, nn.Dropout()).eval()
    step, inputs = projection_step("shortcut", shortcut, Shape(2, 4, 4)), torch.rand(1, 2, 4, 4)
    torch.testing.assert_close(step.accumulate(inputs), shortcut(inputs))


@pytest.mark.parametrize(
    ("shortcut", "message"),
    [
        (nn.Linear(2, 2), "a shortcut of Linear is not supported"),
        (nn.Sequential(), "a shortcut of nothing is not supported"),
        (nn.Sequential(nn.Conv2d(2, 2, 1), nn.ReLU()), "a shortcut of Conv2d, ReLU is not supp"),
        (nn.Conv2d(2, 2, 3), "must have kernel_size=1, padding=0 and groups=1"),
        (nn.Conv2d(2, 2, 1, padding=1), "must have kernel_size=1, padding=0 and groups=1"),
        (nn.Conv2d(2, 2, 1, groups=2), "must have kernel_size=1, padding=0 and groups=1"),
    ],
)
def test_refused(shortcut, message):
    with pytest.raises(BitrainError, match=f"^1.shortcut: .*{message}"):
        projection_step("1.shortcut", shortcut, Shape(2, 4, 4))


def geometry(stride: int, *, last: int = 1, read: tuple[int, int] = (4, 4), groups: int = 1):
    """Strides for a block of 8 x 8 pixels."""
    conv = nn.Conv2d(2, 2, 3, stride=last, padding=1, groups=groups)
    projection = nn.Conv2d(2, 2, 1, stride=stride)
    return subsampling(*steps(conv, projection, Shape(2, 8, 8), Shape(2, *read)))


def test_subsampling():
    assert geometry(2) == (2, 2)
    assert geometry(1, read=(8, 8)) == (1, 1)
    assert geometry(2, last=2, read=(8, 8)) == (1, 1)
    assert geometry(3, last=2) is None, "3 is no multiple of 2"
    assert geometry(2, read=(3, 3)) is None, "every second pixel of 8 makes 4"
    assert geometry(2, groups=2) is None


def test_a_window_whose_middle_is_outside():
    """Padding as large as the kernel: no weight lies over the pixel that the shortcut takes."""
    last: FloatLayer = conv_step("body", nn.Conv2d(2, 2, 1), Shape(2, 8, 8))
    projection = projection_step("shortcut", nn.Conv2d(2, 2, 1), Shape(2, 8, 8))
    assert subsampling(last, projection) == (1, 1)
    assert subsampling(replace(last, padding=(1, 0)), projection) is None
