"""Which convolutions must have their operands in torch's default order."""

import pytest
import torch
from torch.nn import functional as F

from bitrain.nn import SafeConvolutions
from bitrain.nn.safe_convolution import safe_layout

LAST = torch.channels_last


def operands(channels: int, kernel: int = 1):
    inputs = torch.rand(2, channels, 5, 5).contiguous(memory_format=LAST)
    return inputs, torch.rand(3, channels, kernel, kernel).contiguous(memory_format=LAST)


@pytest.mark.parametrize(
    ("channels", "kernel", "stride", "changed"),
    [
        (2, 1, 2, True),
        (7, 1, (1, 2), True),
        (8, 1, 2, False),
        (1, 1, 2, False),
        (4, 3, 2, False),
        (4, 1, 1, False),
        (4, 1, (1, 1), False),
    ],
)
def test_only_where_it_must_be(channels, kernel, stride, changed):
    given = operands(channels, kernel)
    found = safe_layout(*given, stride)
    for before, after in zip(given, found, strict=True):
        assert torch.equal(before, after)
        assert (after is not before) == changed
        assert not changed or after.is_contiguous()


def test_maps_of_one_pixel_get_the_strides_of_the_default_order():
    """There both orders are one, and ``contiguous`` changes nothing."""
    inputs = torch.rand(2, 1, 1, 4).permute(0, 3, 1, 2)
    assert inputs.contiguous().stride() == (4, 1, 4, 4)
    found, _ = safe_layout(inputs, operands(4)[1], 2)
    assert found.stride() == (4, 1, 1, 1) and torch.equal(found, inputs)


def test_what_is_computed_stays_the_same():
    inputs, weight = operands(4)
    bias = torch.rand(3)
    expected = F.conv2d(inputs, weight, bias, 2)
    with SafeConvolutions():
        by_place = F.conv2d(inputs, weight, bias, 2)
        by_name = F.conv2d(inputs, weight, stride=2, bias=bias)
        other = F.relu(inputs)
    torch.testing.assert_close(by_place, expected)
    torch.testing.assert_close(by_name, expected)
    assert torch.equal(other, inputs)
