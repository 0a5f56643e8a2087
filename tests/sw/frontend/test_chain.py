"""Which models convert, and what the refusals say."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from modules import draw_statistics, part
from torch import nn

from bitrain.frontend import read_chain
from bitrain.models import Concatenate
from bitrain.spec import BitrainError, MaxPool2d, Shape

IN_SHAPE = Shape(1, 8, 8)


def conv(inputs: int = 1, outputs: int = 2, **options) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=options.pop("padding", 1), **options)


def dense(*body: nn.Module) -> Concatenate:
    return Concatenate(nn.Sequential(*body))


def tail(features: int = 2 * 8 * 8) -> list[nn.Module]:
    return [nn.Flatten(), nn.Linear(features, 3)]


def float_forward(model: nn.Sequential, images: torch.Tensor) -> torch.Tensor:
    for step in read_chain(model, IN_SHAPE):
        images = step.forward(images)
    return images.flatten(1)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_batch_norm_is_folded(affine, bias) -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(2, eps=0.1, affine=affine)
    draw_statistics(norm, mean=1, variance=(0.1, 3))
    if affine:
        nn.init.uniform_(norm.weight, -2, 2)
        nn.init.uniform_(norm.bias, -1, 1)
    model = nn.Sequential(conv(bias=bias), norm, nn.ReLU(), *tail()).eval()
    images = torch.rand(5, *IN_SHAPE)
    torch.testing.assert_close(float_forward(model, images), model(images))


def test_relu_and_pool_commute() -> None:
    first, last = conv(), tail(32)
    orders = [nn.ReLU(), nn.MaxPool2d(2)], [nn.MaxPool2d(2), nn.ReLU()]
    a, b = (read_chain(nn.Sequential(first, *order, *last), IN_SHAPE) for order in orders)
    assert a[0].relu and a[0].pool == b[0].pool == MaxPool2d(kernel=(2, 2), stride=(2, 2))
    assert (a[0].relu, a[0].out_shape) == (b[0].relu, b[0].out_shape)


@pytest.mark.parametrize("size", [1, (1, 1), [1, 1]])
def test_average_of_the_whole_map(size) -> None:
    """However its size is spelt."""
    average = nn.AdaptiveAvgPool2d(size)
    model = nn.Sequential(conv(), nn.ReLU(), average, nn.Flatten(), nn.Linear(2, 3)).eval()
    images = torch.rand(5, *IN_SHAPE)
    torch.testing.assert_close(float_forward(model, images), model(images))


def test_names_nesting_and_shared_modules() -> None:
    relu = nn.ReLU()
    body = nn.Sequential(OrderedDict(one=conv(), act=relu, two=conv(2, 2), again=relu))
    model = nn.Sequential(OrderedDict(body=body, flat=nn.Flatten(), head=nn.Linear(128, 3)))
    steps = read_chain(model, IN_SHAPE)
    assert [step.name for step in steps] == ["body.one", "body.two", "head"]
    assert [step.relu for step in steps] == [True, True, False]
    assert steps[2].in_shape == Shape(128, 1, 1)


def test_last_layer_may_be_a_convolution() -> None:
    steps = read_chain(nn.Sequential(nn.Conv2d(1, 4, 8), nn.Flatten()), IN_SHAPE)
    assert steps[0].out_shape == Shape(4, 1, 1)


def test_linear_reads_a_map_of_one_pixel() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 8), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))
    images = torch.rand(3, *IN_SHAPE)
    np.testing.assert_allclose(
        float_forward(model, images).detach(), model(images).detach(), rtol=1e-5
    )


REFUSED = {
    "other pooling": (
        [conv(), nn.ReLU(), nn.LPPool2d(2, 2), *tail(32)],
        "2: LPPool2d is not supported; use MaxPool2d, AvgPool2d or AdaptiveAvgPool2d(1)",
    ),
    "average pool without relu": (
        [conv(), nn.AvgPool2d(2), *tail(32)],
        "1: reads 0 without a ReLU between them; put nn.ReLU() before it, activations are unipolar",
    ),
    "average pool after flatten": (
        [conv(), nn.ReLU(), nn.Flatten(), nn.AvgPool2d(2), nn.Linear(32, 3)],
        "3: AvgPool2d reads a flattened input; put it before Flatten",
    ),
    "average pool ceil_mode": (
        [conv(), nn.ReLU(), nn.AvgPool2d(3, ceil_mode=True), *tail(18)],
        "2: AvgPool2d with ceil_mode=True; leave it out",
    ),
    "average pool divisor": (
        [conv(), nn.ReLU(), nn.AvgPool2d(2, divisor_override=3), *tail(32)],
        "2: AvgPool2d with divisor_override; leave it out",
    ),
    "average pool without its padding": (
        [conv(), nn.ReLU(), nn.AvgPool2d(2, padding=1, count_include_pad=False), *tail(50)],
        "2: AvgPool2d with padding=1, count_include_pad=False; use count_include_pad=True or "
        "padding=0",
    ),
    "average pool last": (
        [conv(), nn.ReLU(), nn.AvgPool2d(8)],
        "2: AvgPool2d is the last module; put a layer that gives the scores after it",
    ),
    "norm after average pool": (
        [conv(), nn.ReLU(), nn.AvgPool2d(2), nn.BatchNorm2d(2), *tail(32)],
        "3: BatchNorm2d does not follow a Conv2d directly; put it right after one",
    ),
    "concatenation last": (
        [dense(conv(), nn.ReLU())],
        "0.body.0: Concatenate is the last module; put a layer that gives the scores after it",
    ),
    "concatenation without relu": (
        [dense(conv()), *tail(192)],
        "0.body: expected at least one Conv2d with nn.ReLU(), and no Concatenate, Flatten or "
        "AdaptiveAvgPool2d at its end",
    ),
    "concatenation of nothing": (
        [conv(), nn.ReLU(), dense(nn.Identity()), *tail(256)],
        "2.body: expected at least one Conv2d with nn.ReLU(), and no Concatenate, Flatten or "
        "AdaptiveAvgPool2d at its end",
    ),
    "concatenation in a concatenation": (
        [dense(conv(), nn.ReLU(), dense(conv(2), nn.ReLU())), *tail(320)],
        "0.body: expected at least one Conv2d with nn.ReLU(), and no Concatenate, Flatten or "
        "AdaptiveAvgPool2d at its end",
    ),
    "two concatenations of the same": (
        [dense(dense(conv(), nn.ReLU()), conv(3), nn.ReLU()), *tail(192)],
        "0.body: begins with a Concatenate of the same input, and memory has one place behind it; "
        "put a Conv2d with nn.ReLU() first",
    ),
    "concatenation of other sizes": (
        [dense(conv(padding=0), nn.ReLU()), *tail(136)],
        "0: the body gives 2 x 6 x 6, which cannot be put beside 1 x 8 x 8; make rows and columns "
        "fit",
    ),
    "norm after concatenation": (
        [dense(conv(), nn.ReLU()), nn.BatchNorm2d(3), nn.ReLU(), *tail(192)],
        "1: BatchNorm2d does not follow a Conv2d directly; put it right after one",
    ),
    "activation": (
        [conv(), nn.GELU(), *tail()],
        "1: GELU is not supported; use ReLU",
    ),
    "norm": (
        [conv(), nn.GroupNorm(1, 2), nn.ReLU(), *tail()],
        "1: GroupNorm is not supported; use BatchNorm2d right after a Conv2d",
    ),
    "softmax": (
        [*tail(64), nn.Softmax(1)],
        "2: Softmax is not supported; leave it out, the largest score is the class",
    ),
    "other": (
        [nn.ConvTranspose2d(1, 2, 3), nn.ReLU(), *tail()],
        "0: ConvTranspose2d is not supported; use Conv2d, Linear, BatchNorm2d, ReLU, MaxPool2d, "
        "AvgPool2d, AdaptiveAvgPool2d(1), Flatten, Dropout, Identity, bitrain.models.Block, "
        "bitrain.models.Residual, bitrain.models.Concatenate, nested Sequential",
    ),
    "nested": (
        [nn.Sequential(conv(), nn.Tanh()), *tail()],
        "0.1: Tanh is not supported; use ReLU",
    ),
    "container": (
        [nn.ModuleList([conv()]), *tail()],
        "0: ModuleList is not supported; use Conv2d, Linear, BatchNorm2d, ReLU, MaxPool2d, "
        "AvgPool2d, AdaptiveAvgPool2d(1), Flatten, Dropout, Identity, bitrain.models.Block, "
        "bitrain.models.Residual, bitrain.models.Concatenate, nested Sequential",
    ),
    "dilation": (
        [conv(dilation=2), nn.ReLU(), *tail()],
        "0: Conv2d with dilation=(2, 2); use dilation=1",
    ),
    "padding by name": (
        [conv(padding="same"), nn.ReLU(), *tail()],
        "0: Conv2d with padding='same', mode 'zeros'; use zero padding given as a number",
    ),
    "padding mode": (
        [conv(padding_mode="reflect"), nn.ReLU(), *tail()],
        "0: Conv2d with padding=(1, 1), mode 'reflect'; use zero padding given as a number",
    ),
    "channels": (
        [conv(3), nn.ReLU(), *tail()],
        "0: Conv2d of 3 channels reads 1 x 8 x 8; make them fit",
    ),
    "convolution of a flat map": (
        [nn.Flatten(), conv(64), nn.ReLU(), *tail()],
        "1: Conv2d of 64 channels reads a flattened input of 64; make them fit",
    ),
    "not flattened": (
        [conv(), nn.ReLU(), nn.Linear(8, 3)],
        "2: Linear reads a map of 2 x 8 x 8; put nn.Flatten() before it",
    ),
    "features": (
        tail(63),
        "1: Linear of 63 inputs reads 64; make them fit",
    ),
    "partial flatten": (
        [conv(), nn.ReLU(), nn.Flatten(2), nn.Linear(64, 3)],
        "2: Flatten of some dimensions only; use nn.Flatten()",
    ),
    "pool padding": (
        [conv(), nn.ReLU(), nn.MaxPool2d(2, padding=1), *tail()],
        "2: MaxPool2d with padding=1; use padding=0",
    ),
    "pool dilation": (
        [conv(), nn.ReLU(), nn.MaxPool2d(2, dilation=2), *tail()],
        "2: MaxPool2d with dilation=2; use dilation=1",
    ),
    "pool ceil_mode": (
        [conv(), nn.ReLU(), nn.MaxPool2d(3, ceil_mode=True), *tail()],
        "2: MaxPool2d with ceil_mode=True; use ceil_mode=False",
    ),
    "pool indices": (
        [conv(), nn.ReLU(), nn.MaxPool2d(2, return_indices=True), *tail()],
        "2: MaxPool2d with return_indices=True; use return_indices=False",
    ),
    "pool first": (
        [nn.MaxPool2d(2), conv(), nn.ReLU(), *tail()],
        "0: MaxPool2d before the first Conv2d or Linear; remove it",
    ),
    "pool twice": (
        [conv(), nn.ReLU(), nn.MaxPool2d(2), nn.MaxPool2d(2), *tail(8)],
        "3: MaxPool2d must follow a Conv2d and its ReLU, one for each Conv2d",
    ),
    "pool after flatten": (
        [conv(), nn.ReLU(), nn.Flatten(), nn.MaxPool2d(2), nn.Linear(128, 3)],
        "3: MaxPool2d must follow a Conv2d and its ReLU, one for each Conv2d",
    ),
    "pool after linear": (
        [*tail(64), nn.ReLU(), nn.MaxPool2d(2), nn.Linear(3, 2)],
        "3: MaxPool2d must follow a Conv2d and its ReLU, one for each Conv2d",
    ),
    "norm after pool": (
        [conv(), nn.MaxPool2d(2), nn.BatchNorm2d(2), nn.ReLU(), *tail(32)],
        "2: BatchNorm2d does not follow a Conv2d directly; put it right after one",
    ),
    "norm after relu": (
        [conv(), nn.ReLU(), nn.BatchNorm2d(2), *tail()],
        "2: BatchNorm2d does not follow a Conv2d directly; put it right after one",
    ),
    "norm first": (
        [nn.BatchNorm2d(1), conv(), nn.ReLU(), *tail()],
        "0: BatchNorm2d before the first Conv2d or Linear; remove it",
    ),
    "norm without statistics": (
        [conv(), nn.BatchNorm2d(2, track_running_stats=False), nn.ReLU(), *tail()],
        "1: BatchNorm2d keeps no running statistics; use track_running_stats=True",
    ),
    "no relu": (
        [conv(), conv(2, 2), nn.ReLU(), *tail()],
        "1: reads 0 without a ReLU between them; put nn.ReLU() before it, activations are unipolar",
    ),
    "no relu before linear": (
        [conv(), nn.MaxPool2d(2), *tail(32)],
        "3: reads 0 without a ReLU between them; put nn.ReLU() before it, activations are unipolar",
    ),
    "relu last": (
        [*tail(64), nn.ReLU()],
        "2: ReLU after the last layer 1; remove it, scores are signed",
    ),
    "pool last": (
        [conv(), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()],
        "2: MaxPool2d after the last layer 0; remove it, or add nn.ReLU and a layer that gives the "
        "scores",
    ),
    "empty": (
        [nn.Flatten()],
        "the model has no Conv2d or Linear; there is nothing to compute",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal(name) -> None:
    modules, message = REFUSED[name]
    with pytest.raises(BitrainError) as error:
        read_chain(nn.Sequential(*modules), IN_SHAPE)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ([nn.Conv2d(1, 2, 9), nn.ReLU(), *tail()], r"^0: kernel \(9, 9\) exceeds the padded input"),
        ([conv(), nn.ReLU(), nn.MaxPool2d(9), *tail()], r"^2: pooling window exceeds the map"),
    ],
)
def test_windows_must_fit(modules, message) -> None:
    """The reason is the contract's, the advice ours."""
    with pytest.raises(BitrainError, match=f"{message}.*; give larger images or remove the layer$"):
        read_chain(nn.Sequential(*modules), IN_SHAPE)


def test_root_must_be_sequential() -> None:
    with pytest.raises(BitrainError, match=r"^Linear is not an nn.Sequential; build the model"):
        read_chain(nn.Linear(64, 3), IN_SHAPE)


def test_subclasses_are_refused() -> None:
    class OddConv(nn.Conv2d):
        def forward(self, input):
            return super().forward(input) * 2

    with pytest.raises(BitrainError, match=r"^0: OddConv is not supported; use Conv2d"):
        read_chain(nn.Sequential(OddConv(1, 2, 3), nn.ReLU(), *tail()), IN_SHAPE)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_must_be_finite(value) -> None:
    model = nn.Sequential(conv(), nn.BatchNorm2d(2), nn.ReLU(), *tail())
    nn.init.constant_(part(model, "1", nn.BatchNorm2d).weight, value)
    with pytest.raises(BitrainError, match=r"^0: weights hold NaN or infinity; train again"):
        read_chain(model, IN_SHAPE)
