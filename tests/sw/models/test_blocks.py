"""Blocks, in torch and read as engine steps."""

import pytest
import torch
from modules import draw_statistics
from torch import nn

from bitrain.frontend import read_chain
from bitrain.frontend.float_layer import joined
from bitrain.models import Block, BlockSpec, Concatenate, Residual, Subsample, create_model
from bitrain.spec import BitrainError, Shape, parts_read

IN_SHAPE = Shape(3, 8, 8)


def residual_net(*, body=None, shortcut=None, first=None) -> nn.Sequential:
    body = body or nn.Sequential(
        nn.Conv2d(4, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
    )
    return nn.Sequential(
        *(first or [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()]),
        Residual(body, shortcut or Subsample(4, 8, 2)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )


def block_net(*specs: BlockSpec) -> nn.Sequential:
    head = BlockSpec(kind="linear", in_channels=8, out_channels=5, average=True, relu=False)
    return nn.Sequential(*map(Block, [*specs, head]))


def spec(kind, in_channels=8, **options) -> BlockSpec:
    return BlockSpec(kind=kind, in_channels=in_channels, out_channels=8, **options)


def run(steps, images):
    maps = [images]
    for step, parts in zip(steps, parts_read(steps), strict=True):
        added = maps[step.shortcut.source + 1] if step.shortcut else None
        maps.append(step.forward(joined(maps, parts), added))
    return maps[-1].flatten(1)


@pytest.mark.parametrize("name", ["own", "blocks", "resnet20"])
def test_steps_compute_what_the_model_does(name):
    if name == "own":
        model, shape = residual_net(), IN_SHAPE
    elif name == "blocks":
        model = block_net(
            spec("conv", 3, layers=2, stride=2, downsample="max"),
            spec("residual", stride=2),
            spec("bottleneck"),
            spec("residual", stride=2, downsample="max"),
        )
        shape = Shape(3, 16, 16)
    else:
        shape = Shape(3, 16, 16)
        model = create_model(name, shape, 5)
    draw_statistics(model)
    model.eval()
    images = torch.rand(4, *shape)
    with torch.no_grad():
        assert torch.allclose(run(read_chain(model, shape), images), model(images), atol=1e-4)


def conv(channels, filters, kernel=3, **options) -> nn.Conv2d:
    return nn.Conv2d(channels, filters, kernel, padding=kernel // 2, **options)


PROJECTIONS = {
    "strided first": (
        lambda c: [conv(c, 3, stride=2), nn.ReLU(), conv(3, 8)],
        lambda c: nn.Conv2d(c, 8, 1, stride=2),
    ),
    "strided last": (
        lambda c: [conv(c, 3), nn.BatchNorm2d(3), nn.ReLU(), conv(3, 8, 1, stride=2)],
        lambda c: nn.Sequential(nn.Conv2d(c, 8, 1, stride=2, bias=False), nn.BatchNorm2d(8)),
    ),
    "strided twice": (
        lambda c: [conv(c, 3, stride=2), nn.ReLU(), conv(3, 8, stride=(2, 1))],
        lambda c: nn.Conv2d(c, 8, 1, stride=(4, 2)),
    ),
    "same size": (
        lambda c: [conv(c, 5), nn.ReLU(), conv(5, 4), nn.ReLU(), conv(4, 8), nn.BatchNorm2d(8)],
        lambda c: nn.Conv2d(c, 8, 1),
    ),
    "one convolution": (
        lambda c: [conv(c, 8, stride=2)],
        lambda c: nn.Conv2d(c, 8, 1, stride=2),
    ),
}
FIRST = {
    "image": lambda: [],
    "convolution": lambda: [conv(3, 4), nn.ReLU()],
    "concatenation": lambda: [Concatenate(nn.Sequential(conv(3, 1), nn.ReLU()))],
}


@pytest.mark.parametrize("name", PROJECTIONS)
@pytest.mark.parametrize("first", FIRST)
def test_projections_are_part_of_the_last_convolution(name, first):
    torch.manual_seed(0)
    channels = 3 if first == "image" else 4
    body, shortcut = (make(channels) for make in PROJECTIONS[name])
    residual = Residual(nn.Sequential(*body), shortcut)
    model = nn.Sequential(*FIRST[first](), residual, nn.Flatten())
    model.append(nn.Linear(model(torch.zeros(2, 3, 9, 7)).shape[1], 5)).eval()
    images = torch.rand(4, 3, 9, 7)
    steps = read_chain(model, Shape(3, 9, 7))
    assert not any(step.shortcut for step in steps)
    with torch.no_grad():
        torch.testing.assert_close(run(steps, images), model(images), rtol=1e-4, atol=1e-5)


def test_steps_of_a_block():
    steps = read_chain(residual_net(), IN_SHAPE)
    assert [step.name for step in steps] == ["0", "2.body.0", "2.body.3", "5"]
    assert [step.shortcut is None for step in steps] == [True, True, False, True]
    assert steps[2].shortcut and steps[2].shortcut.source == 0 and steps[2].relu
    # The average is in the weights of the linear layer: one for each of the 4 x 4 pixels.
    assert steps[3].in_shape == (8 * 4 * 4, 1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"first": [nn.Conv2d(3, 4, 3, padding=1)]},
        {
            "shortcut": nn.Conv2d(4, 8, 1, stride=2),
            "body": nn.Sequential(
                *(nn.Conv2d(4, 8, 3, stride=2, padding=1), nn.ReLU()),
                nn.Conv2d(8, 8, 3, padding=1, groups=2),
            ),
        },
        {"shortcut": nn.Conv2d(4, 8, 3, stride=2, padding=1)},
        {"body": nn.Sequential(nn.Conv2d(4, 8, 3, stride=2, padding=1), nn.ReLU())},
    ],
)
def test_blocks_that_take_steps_more(changes):
    """A sum of signed maps, of two convolutions that do not become one, of what has a ReLU."""
    model, images = residual_net(**changes).eval(), torch.rand(4, *IN_SHAPE)
    steps = read_chain(model, IN_SHAPE, images)
    with torch.no_grad():
        torch.testing.assert_close(run(steps, images), model(images), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"shortcut": nn.Conv2d(4, 8, 3, stride=2)},
        {"shortcut": nn.Conv2d(3, 8, 1, stride=2)},
        {"shortcut": nn.Conv2d(4, 8, 1)},
        {"shortcut": nn.MaxPool2d(2)},
        {"shortcut": Subsample(4, 8, 1)},
        {"body": nn.Sequential(nn.Identity())},
    ],
)
def test_blocks_that_do_not_fit(changes):
    with pytest.raises(BitrainError, match="does not run on images of 3 x 8 x 8: RuntimeError: "):
        read_chain(residual_net(**changes), IN_SHAPE)


GROWN = BlockSpec(kind="dense", in_channels=8, out_channels=12, layers=2, middle=3)
WIDE = BlockSpec(kind="residual", in_channels=12, out_channels=12)


@pytest.mark.parametrize(
    "blocks",
    [
        [spec("separable", stride=2)],
        [spec("separable", stride=2, downsample="average")],
        [spec("conv", stride=2, downsample="average"), spec("residual", kernel=1)],
        [spec("dense", layers=2, stride=2, downsample="average"), spec("residual")],
        [GROWN, WIDE.model_copy(update={"stride": 2}), spec("separable", 12)],
        [GROWN, BlockSpec(kind="bottleneck", in_channels=12, out_channels=16)],
        [GROWN.model_copy(update={"stride": 2, "downsample": "max"}), spec("conv", 12)],
        [GROWN.model_copy(update={"stride": 2, "downsample": "average"}), spec("separable", 12)],
        [spec("dense", layers=3, middle=4)],
        [BlockSpec(kind="residual", in_channels=8, out_channels=6), spec("residual", 6)],
        [BlockSpec(kind="bottleneck", in_channels=8, out_channels=4, stride=2)],
        [GROWN, spec("residual", 12, stride=2), spec("separable")],
    ],
    ids=str,
)
def test_every_kind_of_block_is_read_as_what_it_computes(blocks):
    torch.manual_seed(0)
    blocks = [spec("conv", 3), *(block.model_copy() for block in blocks)]
    head = BlockSpec(
        kind="linear", in_channels=blocks[-1].out_channels, out_channels=5, average=True, relu=False
    )
    model = nn.Sequential(*map(Block, [*blocks, head]))
    draw_statistics(model)
    images = torch.rand(4, 3, 8, 8)
    with torch.no_grad():
        found = run(read_chain(model.eval(), Shape(3, 8, 8)), images)
        torch.testing.assert_close(found, model(images), rtol=1e-4, atol=1e-4)


def test_steps_of_dense_blocks():
    """The dense layers lie behind each other; what must be of one scale and place is copied."""
    model = nn.Sequential(Block(spec("conv", 3)), Block(GROWN), Block(spec("residual", 12)))
    model.append(nn.Sequential(nn.Flatten(), nn.Linear(8 * 64, 2)))
    steps = read_chain(model, Shape(3, 8, 8))
    # What the body stored, and behind it a copy of the block's input.
    assert parts_read(steps)[6:8] == ((0, 2, 4), (5, 6))
    assert (steps[6].name, steps[6].trained) == ("2.0.shortcut.0", False)
    model = nn.Sequential(Block(spec("conv", 3)), Block(GROWN), Block(WIDE))
    model.append(nn.Sequential(nn.Flatten(), nn.Linear(12 * 64, 2)))
    steps = read_chain(model, Shape(3, 8, 8))
    assert [step.concat_after for step in steps] == [None, None, 0, None, 2, *[None] * 4]
    reads = ((-1,), (0,), (1,), (0, 2), (3,), (0, 2, 4), (0, 2, 4), (5,), (7,))
    assert parts_read(steps) == reads
    assert [step.trained for step in steps] == [*[True] * 6, False, *[True] * 2]
    assert (steps[6].name, steps[6].groups, steps[6].in_shape.channels) == ("2.0.copy", 12, 12)
    assert steps[7].shortcut is not None and steps[7].shortcut.source == 6


def test_names_of_the_steps_of_blocks():
    steps = read_chain(block_net(spec("conv", 3), spec("residual")), IN_SHAPE)
    assert [step.name for step in steps] == ["0.0", "1.0.body.0", "1.0.body.3", "2.2"]


def test_averages_may_be_read_by_all():
    """By a convolution too, or be the scores."""
    front = [nn.Conv2d(3, 4, 3), nn.ReLU()]
    images = torch.rand(4, *IN_SHAPE)
    for rest in ([nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 5, 1)], [nn.AdaptiveAvgPool2d(2)]):
        model = nn.Sequential(*front, *rest).eval()
        with torch.no_grad():
            found = run(read_chain(model, IN_SHAPE), images)
            torch.testing.assert_close(found, model(images).flatten(1), rtol=1e-4, atol=1e-5)
