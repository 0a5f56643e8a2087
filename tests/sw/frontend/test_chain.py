"""Models of every form as chains that compute what they compute."""

import copy
from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeVar

import pytest
import torch
from modules import draw_statistics, part
from torch import nn
from torch.nn import functional as F

from bitrain.frontend import read_chain, read_model
from bitrain.frontend.float_layer import walk
from bitrain.models import Concatenate
from bitrain.spec import BitrainError, MaxPool2d, Shape

IN_SHAPE = Shape(1, 8, 8)


def conv(inputs: int = 1, outputs: int = 2, **options) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=options.pop("padding", 1), **options)


Model = TypeVar("Model", bound=nn.Module)


def dense(*body: nn.Module) -> Concatenate:
    return Concatenate(nn.Sequential(*body))


def tail(features: int = 2 * 8 * 8) -> list[nn.Module]:
    return [nn.Flatten(), nn.Linear(features, 3)]


def drawn(model: Model) -> Model:
    """With statistics in its batch norms that batch norm would not begin with."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.Conv1d):
            module.reset_parameters()
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            draw_statistics(module, mean=0.5, variance=(0.3, 2))
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 2)
                nn.init.uniform_(module.bias, -1, 1)
    return model.eval()


def scores(chain, images: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        found = walk(chain, images, lambda index, x, added: chain[index].forward(x, added))
    return found[-1].flatten(1)


def read(model: nn.Module, in_shape: Sequence[int] = IN_SHAPE, **options):
    """The chain, which gives the model's scores for images that it has not seen."""
    model = drawn(model)
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(24, *in_shape, generator=generator)
    reading = read_model(model, in_shape, images[:16], **options)
    unseen = images[16:]
    wanted = model(unseen).detach()
    found = scores(reading.chain, unseen.reshape(-1, *reading.in_shape))
    torch.testing.assert_close(found, wanted.flatten(1), rtol=1e-3, atol=2e-4)
    return reading.chain


class Net(nn.Module):
    """Three convolutions and a linear layer in the way that ``join`` says."""

    def __init__(self, join, *, channels: int = 4, **parts: nn.Module):
        super().__init__()
        self.first, self.second = conv(1, channels), conv(channels, channels)
        self.third = conv(channels, channels)
        self.point = nn.Conv2d(channels, channels, 1)
        self.norm = nn.BatchNorm2d(channels)
        for name, module in parts.items():
            self.add_module(name, module)
        self.join = join
        with torch.no_grad():
            size = self.join(self, torch.zeros(2, *IN_SHAPE)).flatten(1).shape[1]
        self.head = nn.Linear(size, 3)

    def forward(self, x):
        return self.head(self.join(self, x).flatten(1))


def iadd(x, y):
    x += y
    return x


def in_place(m, x):
    x = F.relu(m.first(x), inplace=True)
    return F.relu_(m.norm(m.second(x)))


def last(x):
    """Channels come last."""
    return x.permute(0, 2, 3, 1)


STEPS = torch.arange(1.0, 5.0)


def chunks(m, x):
    a, b = F.relu(m.first(x)).chunk(2, 1)
    return m.point(torch.cat([b, a.relu()], 1))


JOINS = {
    "x + f(x)": (lambda m, x: F.relu((h := F.relu(m.first(x))) + m.second(h)), 3),
    "f(x) + x": (lambda m, x: F.relu(m.second(h := F.relu(m.first(x))) + h), 3),
    "torch.add": (lambda m, x: F.relu(torch.add(h := F.relu(m.first(x)), m.second(h))), 3),
    "x += f(x)": (lambda m, x: F.relu(iadd(m.second(h := F.relu(m.first(x))), h)), 3),
    "x - f(x)": (lambda m, x: F.relu((h := F.relu(m.first(x))) - m.second(h)), 3),
    "x + alpha f(x)": (
        lambda m, x: F.relu(torch.add(h := F.relu(m.first(x)), m.second(h), alpha=0.5)),
        3,
    ),
    "x + x": (lambda m, x: F.relu(m.second((h := F.relu(m.first(x))) + h)), 3),
    "x + relu": (lambda m, x: m.third((h := F.relu(m.first(x))) + F.relu(m.second(h))), 5),
    "f(x) + g(x)": (lambda m, x: F.relu(m.second(h := F.relu(m.first(x))) + m.point(h)), 3),
    "f(x) + g(y)": (
        lambda m, x: F.relu(m.third(F.relu(m.second(h := F.relu(m.first(x))))) + m.point(h)),
        5,
    ),
    "three summands": (
        lambda m, x: F.relu(m.second(h := F.relu(m.first(x))) + m.third(h) + m.point(h) + h),
        6,
    ),
    "sum without relu": (lambda m, x: m.third((h := F.relu(m.first(x))) + m.second(h)), 4),
    "pre-activation": (
        lambda m, x: (h := m.first(x)) + m.third(F.relu(m.second(F.relu(m.norm(h))))),
        5,
    ),
    "scaled branch": (lambda m, x: F.relu((h := F.relu(m.first(x))) + 0.3 * m.second(h)), 3),
    "sum of the whole and a part": (
        lambda m, x: F.relu(m.second(h := F.relu(m.first(x)))[:, :2] + h[:, 2:]),
        5,
    ),
    "every second pixel": (
        lambda m, x: F.relu(
            F.conv2d(h := F.relu(m.first(x)), m.second.weight, stride=2, padding=1)
            + h[:, :, ::2, ::2]
        ),
        3,
    ),
    "zero channels around": (
        lambda m, x: F.relu(
            m.second(h := F.relu(m.first(x))) + F.pad(h[:, 1:3], (0, 0, 0, 0, 1, 1))
        ),
        4,
    ),
    "cat": (lambda m, x: m.head3(torch.cat([h := F.relu(m.first(x)), F.relu(m.second(h))], 1)), 4),
    "cat, new ones first": (
        lambda m, x: m.head3(torch.cat([F.relu(m.second(h := F.relu(m.first(x)))), h], 1)),
        4,
    ),
    "cat of four branches": (
        lambda m, x: m.head5(
            torch.cat(
                [
                    F.relu(m.second(h := F.relu(m.first(x)))),
                    F.relu(m.third(h)),
                    F.relu(m.point(h)),
                    F.max_pool2d(h, 3, 1, 1),
                ],
                1,
            )
        ),
        7,
    ),
    "cat of the same": (lambda m, x: m.head3(torch.cat([h := F.relu(m.first(x)), h], 1)), 3),
    "cat in cat": (
        lambda m, x: m.head4(
            torch.cat([torch.cat([h := F.relu(m.first(x)), F.relu(m.second(h))], 1), m.point(h)], 1)
        ),
        5,
    ),
    "two cats of one": (
        lambda m, x: (
            m.head3(torch.cat([h := F.relu(m.first(x)), F.relu(m.second(h))], 1))
            + m.head3(torch.cat([h, F.relu(m.third(h))], 1))
        ),
        7,
    ),
    "relu after cat": (
        lambda m, x: m.head3(F.relu(torch.cat([m.first(x), m.point(m.first(x))], 1))),
        5,
    ),
    "norm after cat": (
        lambda m, x: m.head3(
            F.relu(m.norm8(torch.cat([m.second(h := F.relu(m.first(x))), m.point(h)], 1)))
        ),
        5,
    ),
    "pool after cat": (
        lambda m, x: m.head3(
            F.max_pool2d(torch.cat([h := F.relu(m.first(x)), F.relu(m.second(h))], 1), 2)
        ),
        5,
    ),
    "chunks": (chunks, 3),
    "shuffle": (
        lambda m, x: m.grouped(
            F.relu(m.first(x)).view(-1, 2, 2, 8, 8).transpose(1, 2).reshape(-1, 4, 8, 8)
        ),
        3,
    ),
    "shuffle before depthwise": (
        lambda m, x: m.point(
            F.relu(m.depthwise(F.relu(m.first(x))[:, torch.tensor([2, 0, 3, 1])]))
        ),
        4,
    ),
    "in place": (in_place, 3),
    "used twice": (lambda m, x: F.relu(m.second(F.relu(m.second(F.relu(m.first(x)))))), 4),
    "mean": (lambda m, x: F.relu(m.first(x)).mean([2, 3]), 2),
    "mean, kept": (lambda m, x: F.relu(m.first(x)).mean((-1, -2), keepdim=True), 2),
    "mean without relu": (lambda m, x: m.first(x).mean([2, 3]), 2),
    "sum of pixels": (lambda m, x: F.relu(m.first(x)).sum([2, 3]), 2),
    "amax": (lambda m, x: F.relu(m.first(x)).amax([2, 3]), 2),
    "max of max": (lambda m, x: F.relu(m.first(x)).max(2)[0].max(2)[0], 3),
    "mean, channels last": (lambda m, x: last(F.relu(m.first(x))).mean((1, 2)), 2),
    "maximum, channels last": (lambda m, x: last(F.relu(m.first(x))).amax((1, 2)), 2),
    "bias, channels last": (lambda m, x: F.relu(last(m.point(x.expand(-1, 4, -1, -1))) + STEPS), 2),
    "gain, channels last": (lambda m, x: last(F.relu(m.first(x))) * STEPS - STEPS, 2),
    "cat, channels last": (
        lambda m, x: torch.cat([last(F.relu(m.first(x))), last(F.relu(m.second(m.first(x))))], 3),
        4,
    ),
    "permuted": (lambda m, x: F.relu(m.first(x)).permute(0, 2, 3, 1), 2),
    "rows as channels": (lambda m, x: m.rows(F.relu(m.first(x)).reshape(-1, 8, 4, 8)), 3),
    "reshape of the image": (lambda m, x: m.halved(x.reshape(-1, 1, 4, 16)), 2),
    "constants": (lambda m, x: m.second(F.relu(m.first(2 * x - 1)) / 3 + 0.5), 4),
    "negated": (lambda m, x: m.second(-F.relu(m.first(-x))), 3),
    "norm before conv": (lambda m, x: m.second(m.norm(F.relu(m.first(x)))), None),
    "norm between conv and pool": (
        lambda m, x: m.second(F.relu(F.max_pool2d(m.norm(m.first(x)), 2))),
        3,
    ),
    "conv after conv": (lambda m, x: m.third(m.second(m.first(x))), 4),
    "crop": (lambda m, x: F.relu(m.wide(x)[:, :, :-2, 1:-1]), 2),
    "zero padding": (lambda m, x: m.second(F.pad(F.relu(m.first(x)), (1, 0, 2, 1))), 3),
    "zero padding of a pool": (
        lambda m, x: F.max_pool2d(F.pad(F.relu(m.first(x)), (1, 0, 0, 1)), 2, 2),
        2,
    ),
}


@pytest.mark.parametrize("name", JOINS)
def test_forward_of_its_own(name) -> None:
    join, steps = JOINS[name]
    extra = {
        "head3": nn.Conv2d(8, 3, 1),
        "head4": nn.Conv2d(12, 4, 1),
        "head5": nn.Conv2d(16, 5, 3),
        "grouped": nn.Conv2d(4, 4, 1, groups=2),
        "depthwise": nn.Conv2d(4, 4, 3, padding=1, groups=4),
        "norm8": nn.BatchNorm2d(8),
        "rows": nn.Conv2d(8, 4, 3, padding=1),
        "halved": nn.Conv2d(1, 2, 3),
        "wide": nn.Conv2d(1, 3, 3, padding=3),
    }
    found = read(Net(join, **extra))
    assert steps is None or len(found) == steps


ACTIVATIONS = {
    "ReLU": nn.ReLU(),
    "ReLU6": nn.ReLU6(),
    "Hardtanh": nn.Hardtanh(),
    "Hardtanh of other bounds": nn.Hardtanh(0, 0.4),
    "Hardtanh around something": nn.Hardtanh(0.1, 0.4),
    "LeakyReLU": nn.LeakyReLU(0.1),
    "LeakyReLU that grows": nn.LeakyReLU(1.5),
    "PReLU": nn.PReLU(init=0.3),
    "PReLU of channels": nn.PReLU(4, init=0.3),
    "RReLU, in evaluation": nn.RReLU(0.1, 0.3),
    "RReLU of its own bounds": nn.RReLU(),
    "Hardsigmoid": nn.Hardsigmoid(),
    "none": nn.Identity(),
    "dropout": nn.Dropout(0.5),
}


MOVED = {"Hardsigmoid", "Hardtanh", "Hardtanh around something"}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("pool", [None, nn.MaxPool2d(2), nn.MaxPool2d(3, 2, 1)])
def test_activations(name, pool) -> None:
    """Before and after pooling; and once with padding after them."""
    activation, pools = ACTIVATIONS[name], [pool] if pool else []
    front = [conv(1, 4), activation, *pools, conv(4, 4), nn.BatchNorm2d(4), activation]
    back = [conv(4, 2), *pools, activation_of(activation)]
    size = 2 if pool else 8
    steps = read(nn.Sequential(*front, *back, *tail(2 * size * size)))
    # What zero is there may lie beyond all that the map before it holds.
    assert len(steps) == 4 or (len(steps) <= 7 and name in MOVED)


def activation_of(activation: nn.Module) -> nn.Module:
    """The same for two channels."""
    return nn.PReLU(2) if isinstance(activation, nn.PReLU) else activation


def test_ceilings_are_those_of_the_model() -> None:
    model = nn.Sequential(conv(), nn.ReLU6(), conv(2), nn.Hardtanh(), *tail())
    assert [step.ceiling for step in read(model)] == [6.0, 2.0, None]


POOLS = {
    "padded": nn.MaxPool2d(3, 2, padding=1),
    "padded, overlapping": nn.MaxPool2d(3, 1, padding=1),
    "ceil": nn.MaxPool2d(3, 2, ceil_mode=True),
    "uneven": nn.MaxPool2d((2, 3), (2, 1), padding=(0, 1)),
    "adaptive maximum": nn.AdaptiveMaxPool2d(2),
    "average": nn.AvgPool2d(2),
    "average, padded": nn.AvgPool2d(3, 2, padding=1),
    "average, padding left out": nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
    "average, one side left out": nn.AvgPool2d((1, 3), (1, 2), (0, 1), count_include_pad=False),
    "average, ceil": nn.AvgPool2d(3, 2, ceil_mode=True),
    "average, ceil and padded": nn.AvgPool2d(3, 2, padding=1, ceil_mode=True),
    "average of another divisor": nn.AvgPool2d(2, divisor_override=3),
    "adaptive average": nn.AdaptiveAvgPool2d((4, 2)),
    "adaptive average of rows": nn.AdaptiveAvgPool2d((None, 1)),
    "average of all": nn.AdaptiveAvgPool2d([1, 1]),  # pyright: ignore[reportArgumentType]
}


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("name", POOLS)
def test_pools(name, relu) -> None:
    activation = [nn.ReLU()] if relu else []
    front = [conv(1, 3), *activation, POOLS[name]]
    with torch.no_grad():
        size = nn.Sequential(*front)(torch.zeros(1, *IN_SHAPE)).shape[1:].numel()
    read(nn.Sequential(*front, nn.Conv2d(3, 3, 1), nn.Flatten(), nn.Linear(size, 3)))


CONVOLUTIONS = {
    "dilated": conv(2, 4, dilation=2, padding=2),
    "same": conv(2, 4, padding="same"),
    "same, even": nn.Conv2d(2, 4, (2, 4), padding="same"),
    "same, dilated": conv(2, 4, padding="same", dilation=(1, 3)),
    "valid": conv(2, 4, padding="valid"),
    "uneven": nn.Conv2d(2, 4, (1, 5), (2, 1), (0, 3)),
    "grouped": conv(2, 4, groups=2),
}


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(name) -> None:
    """Of what may be negative, too: what stands around it is zero."""
    front = [conv(), nn.BatchNorm2d(2), CONVOLUTIONS[name]]
    with torch.no_grad():
        size = nn.Sequential(*front)(torch.zeros(2, *IN_SHAPE)).shape[1:].numel()
    chain = read(nn.Sequential(*front, nn.ReLU(), *tail(size)))
    padded = any((*chain[1].padding, *(chain[1].padding_after or ())))
    assert (chain[1].padding_value is not None) == padded


def test_normalised_images() -> None:
    """The mean is what zero padding stands for."""

    class Normalised(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(conv(), nn.ReLU(), *tail())
            self.register_buffer("mean", torch.tensor([[[0.3]]]))

        def forward(self, x):
            return self.layers((x - self.mean) / 0.25)

    chain = read(Normalised())
    torch.testing.assert_close(chain[0].padding_value, torch.tensor([0.3]))
    assert len(chain) == 2
    exact = read(Normalised(), exact_borders=True)
    assert [step.padding_value for step in exact] == [None] * 3
    assert exact[0].concat_after == -1


def test_signals() -> None:
    class Signal(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv1d(2, 6, 7, stride=2)
            self.norm = nn.BatchNorm1d(6)
            self.conv2 = nn.Conv1d(6, 6, 3, padding=4, dilation=2)
            self.conv3 = nn.Conv1d(6, 4, 3, padding="same")
            self.head = nn.Linear(4 * 7, 3)

        def forward(self, x):
            x = F.relu(self.norm(self.conv1(x)))
            x = F.relu(self.conv2(x)[:, :, :-4]) + x
            x = F.avg_pool1d(F.max_pool1d(F.relu(self.conv3(x)), 2, ceil_mode=True), 2)
            return self.head(x.flatten(1)).log_softmax(-1).exp().log()

    class Scores(Signal):
        def forward(self, x):
            x = F.relu(self.norm(self.conv1(x)))
            x = F.relu(self.conv2(x)[:, :, :-4]) + x
            x = F.avg_pool1d(F.max_pool1d(F.relu(self.conv3(x)), 2, ceil_mode=True), 2)
            return self.head(x.flatten(1))

    chain = read(Scores(), (2, 64))
    assert chain[0].in_shape == Shape(2, 1, 64)
    with pytest.raises(BitrainError, match=r"^exp \(test_chain.py:\d+\): "):
        read(Signal(), (2, 64))


def test_vectors() -> None:
    class Mlp(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.three = nn.Linear(20, 8), nn.Linear(8, 8), nn.Linear(8, 3)
            self.norm = nn.BatchNorm1d(8)

        def forward(self, x):
            x = F.relu(self.norm(self.one(x)))
            x = F.relu(x + self.two(x))
            return self.three(F.dropout(x, 0.5, self.training))

    assert [step.kind for step in read(Mlp(), (20,))] == ["linear"] * 3


SCORES = {
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: F.log_softmax(x, dim=-1),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


@pytest.mark.parametrize("name", SCORES)
def test_what_follows_the_scores_is_left_out(name) -> None:
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(conv(), nn.ReLU(), *tail())

        def forward(self, x):
            return SCORES[name](self.layers(x))

    model, images = drawn(Last()), torch.rand(5, *IN_SHAPE)
    found = scores(read_chain(model, IN_SHAPE), images)
    torch.testing.assert_close(found, model.layers(images).detach())


@pytest.mark.parametrize("way", ["argmax", "max"])
def test_the_class_alone(way) -> None:
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(conv(), nn.ReLU(), *tail())

        def forward(self, x):
            x = self.layers(x)
            return x.argmax(1) if way == "argmax" else torch.max(x, 1)[1]

    model, images = drawn(Last()), torch.rand(5, *IN_SHAPE)
    assert torch.equal(scores(read_chain(model, IN_SHAPE), images).argmax(1), model(images))


def test_batch_norm_of_single_pixels() -> None:
    """After a map was flattened: a step of its own, which reads the map in another shape."""
    model = nn.Sequential(conv(), nn.ReLU(), nn.Flatten(), nn.BatchNorm1d(128), nn.ReLU())
    steps = read(model.append(nn.Linear(128, 3)))
    assert [step.in_shape for step in steps[1:]] == [(128, 1, 1), (128, 1, 1)]


def test_the_largest_of_a_map_as_scores() -> None:
    """The value, not the place, of a maximum at the end."""

    class Largest(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = conv(1, 3)

        def forward(self, x):
            return self.conv(x).max(3)[0].max(2)[0]

    assert read(Largest())[-1].out_shape == (3, 1, 1)


def test_a_head_without_a_linear_layer() -> None:
    model = nn.Sequential(conv(1, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert [step.out_shape for step in read(model)] == [(3, 8, 8), (3, 1, 1)]


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_batch_norm_is_folded(affine, bias) -> None:
    norm = nn.BatchNorm2d(2, eps=0.1, affine=affine)
    assert len(read(nn.Sequential(conv(bias=bias), norm, nn.ReLU(), *tail()))) == 2


@pytest.mark.parametrize("last", [nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(3)])
def test_what_follows_the_last_layer(last) -> None:
    assert len(read(nn.Sequential(conv(1, 3), nn.ReLU(), conv(3, 3), last))) in {2, 3}


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
    model = nn.Sequential(conv(), nn.ReLU(), average, nn.Flatten(), nn.Linear(2, 3))
    assert [step.name for step in read(model)] == ["0", "4"]


def test_names_nesting_and_shared_modules() -> None:
    relu = nn.ReLU()
    body = nn.Sequential(OrderedDict(one=conv(), act=relu, two=conv(2, 2), again=relu))
    model = nn.Sequential(OrderedDict(body=body, flat=nn.Flatten(), head=nn.Linear(128, 3)))
    steps = read_chain(model, IN_SHAPE)
    assert [step.name for step in steps] == ["body.one", "body.two", "head"]
    assert [step.relu for step in steps] == [True, True, False]
    assert steps[2].in_shape == Shape(128, 1, 1)


def test_modules_used_twice_have_two_names() -> None:
    layer = conv(2, 2)
    model = nn.Sequential(conv(), nn.ReLU(), layer, nn.ReLU(), layer, nn.ReLU(), *tail())
    assert [step.name for step in read_chain(model, IN_SHAPE)] == ["0", "2", "4", "7"]


def test_last_layer_may_be_a_convolution() -> None:
    steps = read_chain(nn.Sequential(nn.Conv2d(1, 4, 8), nn.Flatten()), IN_SHAPE)
    assert steps[0].out_shape == Shape(4, 1, 1)


def test_subclasses_are_what_they_compute() -> None:
    class OddConv(nn.Conv2d):
        def forward(self, input):
            return super().forward(input) * 2

    read(nn.Sequential(OddConv(1, 2, 3, padding=1), nn.ReLU(), *tail()))


def test_replaced_activations_are_relu() -> None:
    model = drawn(nn.Sequential(conv(), nn.GELU(), nn.BatchNorm2d(2), *tail()))
    images = torch.rand(6, *IN_SHAPE)
    read_of = read_model(model, IN_SHAPE, replace_activations=True)
    chain, origins = read_of.chain, read_of.origins
    assert [origin.operation for origin in origins if origin.replaced] == ["GELU"]
    other = copy.deepcopy(model)
    other[1] = nn.ReLU()
    torch.testing.assert_close(scores(chain, images), other(images).detach())


def test_every_operation_is_told() -> None:
    model = nn.Sequential(
        conv(), nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout(), nn.MaxPool2d(2), *tail(32)
    )
    origins = read_model(drawn(model), IN_SHAPE).origins
    assert [(origin.operation, origin.path, origin.fate) for origin in origins] == [
        ("Conv2d", "0", "layer 0, 0"),
        ("BatchNorm2d", "1", "in the weights of 0"),
        ("ReLU", "2", "layer 0, 0: its activation"),
        ("Dropout", "3", "without effect in evaluation mode"),
        ("MaxPool2d", "4", "layer 0, 0: its pooling"),
        ("Flatten", "5", "no hardware: the order of weights or addresses"),
        ("Linear", "6", "layer 1, 6"),
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_must_be_finite(value) -> None:
    model = nn.Sequential(conv(), nn.BatchNorm2d(2), nn.ReLU(), *tail())
    nn.init.constant_(part(model, "1", nn.BatchNorm2d).weight, value)
    with pytest.raises(BitrainError, match=r"^0: gives values that are not finite"):
        read_chain(model, IN_SHAPE)
