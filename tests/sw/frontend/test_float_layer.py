"""An engine step in real numbers, by hand, and what it becomes in the contract."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from bitrain.frontend.float_layer import FloatLayer, FloatShortcut, joined, walk
from bitrain.models import Subsample
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
    take = Subsample(1, 3, 2)
    given = layer([[-1.0]] * 3, relu=True, shortcut=FloatShortcut(0, take), in_shape=Shape(1, 1, 1))
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
    third = layer([[1.0, 1.0]], shortcut=FloatShortcut(-1, Subsample(1, 1, 1)))
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
        shortcut=FloatShortcut(2, Subsample(1, 4, 3)),
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


def test_an_impossible_geometry():
    with pytest.raises(ValidationError):
        _ = layer([[1.0]], pool=MaxPool2d(kernel=(3, 3), stride=(1, 1)), relu=True).out_shape
