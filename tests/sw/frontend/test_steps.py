"""Single modules as engine steps: the same values, and options that are refused."""

import pytest
import torch
from modules import draw_statistics
from torch import nn

from bitrain.frontend.steps import (
    average_step,
    conv_step,
    copy_step,
    fold_norm,
    linear_step,
    pool_of,
)
from bitrain.spec import BitrainError, MaxPool2d, Shape

SHAPE = Shape(4, 6, 5)
IMAGES = torch.rand(3, *SHAPE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(4, 3, 3),
        nn.Conv2d(4, 6, (3, 1), stride=(2, 1), padding=(1, 0), groups=2, bias=False),
    ],
    ids=["plain", "grouped"],
)
def test_convolution(conv):
    step = conv_step("0", conv, SHAPE)
    torch.testing.assert_close(step.forward(IMAGES), conv(IMAGES))
    assert step.name == "0" and step.trained and not step.relu
    nn.init.zeros_(conv.weight)
    assert step.weight.any(), "a copy"


@pytest.mark.parametrize("averaged", [False, True])
def test_linear(averaged):
    linear = nn.Linear(4 if averaged else SHAPE.size, 3)
    step = linear_step("0", linear, SHAPE, averaged=averaged)
    expected = linear(IMAGES.mean((2, 3)) if averaged else IMAGES.flatten(1))
    torch.testing.assert_close(step.forward(IMAGES).flatten(1), expected)
    assert step.in_shape == (SHAPE.size, 1, 1) and step.weight.shape == (3, SHAPE.size, 1, 1)


@pytest.mark.parametrize("pool", [nn.AvgPool2d(2), nn.AvgPool2d((3, 2), (1, 2), padding=(1, 0))])
def test_average_pooling_is_a_convolution_of_each_channel(pool):
    step = average_step("0", pool, SHAPE)
    torch.testing.assert_close(step.forward(IMAGES), pool(IMAGES))
    assert step.groups == 4 and step.relu and not step.trained
    assert len(step.weight.unique()) == 1


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_a_copy(stride):
    step = copy_step("0", SHAPE, stride)
    assert torch.equal(step.forward(IMAGES), IMAGES[:, :, :: stride[0], :: stride[1]])
    assert not step.trained


@pytest.mark.parametrize("affine", [False, True])
def test_batch_norm_is_folded(affine):
    conv, norm = nn.Conv2d(4, 3, 1), nn.BatchNorm2d(3, eps=0.1, affine=affine)
    draw_statistics(norm)
    if affine:
        nn.init.uniform_(norm.weight, -2, 2)
        nn.init.uniform_(norm.bias, -1, 1)
    step = fold_norm("1", norm, conv_step("0", conv, SHAPE))
    torch.testing.assert_close(step.forward(IMAGES), norm.eval()(conv(IMAGES)))


def test_pooling():
    assert pool_of("0", nn.MaxPool2d(2)) == MaxPool2d(kernel=(2, 2), stride=(2, 2))
    assert pool_of("0", nn.MaxPool2d((3, 1), 1)) == MaxPool2d(kernel=(3, 1), stride=(1, 1))


def conv(**options) -> nn.Module:
    return nn.Conv2d(4, 3, 3, **options)


@pytest.mark.parametrize(
    ("make", "module", "message"),
    [
        (conv_step, conv(dilation=2), "Conv2d with dilation=(2, 2); use dilation=1"),
        (
            conv_step,
            conv(padding="same"),
            "Conv2d with padding='same', mode 'zeros'; use zero padding given as a number",
        ),
        (
            conv_step,
            conv(padding=1, padding_mode="reflect"),
            "Conv2d with padding=(1, 1), mode 'reflect'; use zero padding given as a number",
        ),
        (conv_step, conv().half(), "weights of torch.float16; call model.float() first"),
        (average_step, nn.AvgPool2d(2, ceil_mode=True), "AvgPool2d with ceil_mode=True; leave it"),
        (average_step, nn.AvgPool2d(2, divisor_override=3), "AvgPool2d with divisor_override; le"),
        (
            average_step,
            nn.AvgPool2d(3, padding=1, count_include_pad=False),
            "AvgPool2d with padding=1, count_include_pad=False; use count_include_pad=True or pad",
        ),
    ],
)
def test_refused(make, module, message):
    with pytest.raises(BitrainError) as error:
        make("2.1", module, SHAPE)
    assert str(error.value).startswith(f"2.1: {message}")


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.MaxPool2d(2, padding=1), "padding=1; use padding=0"),
        (nn.MaxPool2d(2, dilation=2), "dilation=2; use dilation=1"),
        (nn.MaxPool2d(2, ceil_mode=True), "ceil_mode=True; use ceil_mode=False"),
        (nn.MaxPool2d(2, return_indices=True), "return_indices=True; use return_indices=False"),
    ],
)
def test_pooling_that_is_refused(module, message):
    with pytest.raises(BitrainError) as error:
        pool_of("2.1", module)
    assert str(error.value) == f"2.1: MaxPool2d with {message}"


def test_batch_norm_without_statistics():
    norm = nn.BatchNorm2d(3, track_running_stats=False)
    with pytest.raises(BitrainError, match=r"^1: BatchNorm2d keeps no running statistics; use tr"):
        fold_norm("1", norm, conv_step("0", nn.Conv2d(4, 3, 1), SHAPE))
