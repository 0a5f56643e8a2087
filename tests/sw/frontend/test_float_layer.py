"""An engine step in real numbers, by hand, and what it becomes in the contract."""

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from bitrain.frontend.float_layer import FloatLayer, FloatShortcut, joined, pooled, walk
from bitrain.spec import MaxPool2d, Shape


def layer(weight, **changes) -> FloatLayer:
    weight = torch.tensor(weight)
    given = {
        "name": "layer",
        "kind": "conv2d",
        "in_shape": Shape(weight.shape[1], 2, 2),
        "weight": weight[:, :, None, None],
        "bias": torch.zeros(len(weight)),
        **changes,
    }
    return FloatLayer(**given)


IMAGE = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])


def test_sums_relu_and_pooling():
    given = layer([[2.0], [-1.0]], bias=torch.tensor([0.5, 3.0]), relu=True)
    sums = given.accumulate(IMAGE)
    assert sums.tolist() == [[[[2.5, 4.5], [6.5, 8.5]], [[2.0, 1.0], [0.0, -1.0]]]]
    assert given.forward(IMAGE).min() == 0
    pooled = layer([[2.0]], relu=True, pool=MaxPool2d(kernel=(2, 1), stride=(2, 1)))
    assert pooled.forward(IMAGE).tolist() == [[[[6.0, 8.0]]]]
    assert pooled.out_shape == (1, 1, 2)


def test_a_flat_input_is_brought_to_its_shape():
    given = layer([[1.0, 10.0]], in_shape=Shape(2, 1, 1))
    assert given.forward(torch.tensor([[1.0, 2.0], [3.0, 4.0]])).flatten().tolist() == [21, 43]


def test_a_shortcut_is_added_before_the_relu():
    shortcut = FloatShortcut(0, (2, 2), before=1, after=1)
    given = layer([[-1.0]] * 3, relu=True, shortcut=shortcut, in_shape=Shape(1, 1, 1))
    found = given.forward(torch.ones(1, 1, 1, 1), IMAGE * 5)
    assert found.flatten().tolist() == [0, 4, 0]


def test_maps_are_joined_in_the_order_of_the_parts():
    maps = [torch.full((1, 1, 1, 1), float(i)) for i in range(3)]
    assert joined(maps, (1, -1)).flatten().tolist() == [2, 0]
    assert joined(maps, (0,)) is maps[1]


def test_a_walk_gives_each_step_what_it_reads():
    """The second is put behind the first; the third reads both and adds the image."""
    first = layer([[1.0]])
    second = layer([[1.0]], concat_after=0)
    third = layer([[1.0, 1.0]], shortcut=FloatShortcut(-1))
    seen = []

    def step(index, inputs, added):
        seen.append((index, inputs.shape[1], added))
        return torch.full((1, 1, 2, 2), float(index))

    found = walk([first, second, third], IMAGE, step)
    assert [output.max().item() for output in found] == [0, 1, 2]
    assert [(index, channels) for index, channels, _ in seen] == [(0, 1), (1, 1), (2, 2)]
    assert seen[1][2] is None and seen[2][2] is IMAGE


def test_the_contracts_layer_has_the_same_geometry():
    given = layer(
        [[1.0]] * 4,
        relu=True,
        pool=MaxPool2d(kernel=(2, 2), stride=(2, 2)),
        shortcut=FloatShortcut(2, (3, 3), before=1, after=2),
        source=1,
        concat_after=0,
    )
    found = given.to_layer(
        weight=torch.full((4, 1, 1, 1), -3.0),
        bias=torch.arange(4.0),
        upscale=torch.tensor([0, 1, 2, 0]),
        shift=2,
        stream_length=16,
        gain=5,
    )
    assert np.array_equal(found.weight, np.full((4, 1, 1, 1), -3))
    assert found.bias.tolist() == [0, 1, 2, 3] and found.upscale.tolist() == [0, 1, 2, 0]
    assert (found.shift, found.stream_length, found.relu) == (2, 16, True)
    assert (found.source, found.concat_after, found.pool) == (1, 0, given.pool)
    assert found.shortcut is not None and found.shortcut.gain == 5
    assert (found.shortcut.source, found.shortcut.stride, found.shortcut.before) == (2, (3, 3), 1)


def test_what_stands_around_a_map():
    """One row before and none after, of a value of each channel."""
    given = layer(
        [[1.0, 10.0]],
        in_shape=Shape(2, 1, 1),
        padding=(1, 0),
        padding_after=(0, 0),
        padding_value=torch.tensor([0.5, 0.25]),
    )
    found = given.forward(torch.tensor([[1.0, 2.0]]))
    assert found.flatten().tolist() == [3, 21]
    assert given.out_shape == (1, 2, 1)
    values = torch.tensor([3, 2])
    numbers: dict[str, Any] = {
        "weight": torch.ones(1, 2, 1, 1),
        "bias": torch.zeros(1),
        "upscale": torch.zeros(1).long(),
    }
    exported = given.to_layer(**numbers, shift=0, stream_length=4, padding_value=values)
    assert exported.padding_value.tolist() == [3, 2]
    assert exported.margins == ((1, 0), (0, 0))


def test_signed_channels_and_ceilings():
    given = layer([[1.0], [1.0]], relu=True, signed=torch.tensor([True, False]), ceiling=2.5)
    assert given.forward(IMAGE - 2).tolist() == [[[[-1, 0], [1, 2]], [[0, 0], [1, 2]]]]
    assert given.forward(IMAGE).max() == 2.5


@pytest.mark.parametrize("size", [5, 6])
def test_padded_pooling_is_torchs(size):
    maps = torch.randn(2, 3, size, size)
    ceil = {"stride": 2, "padding": 1, "ceil_mode": True}
    wanted = torch.nn.functional.max_pool2d(maps, 3, **ceil)
    after = (wanted.shape[2] - 1) * 2 + 3 - size - 1
    pool = MaxPool2d(kernel=(3, 3), stride=(2, 2), padding=(1, 1), padding_after=(after, after))
    assert torch.equal(pooled(maps, pool), wanted)


def test_an_impossible_geometry():
    with pytest.raises(ValidationError):
        _ = layer([[1.0]], pool=MaxPool2d(kernel=(3, 3), stride=(1, 1)), relu=True).out_shape
