"""What to use in the place of modules that are not supported."""

import pytest
from torch import nn

from bitrain.frontend.supported import SUPPORTED, refusal


@pytest.mark.parametrize(
    ("module", "instead"),
    [
        (nn.GELU(), "use ReLU"),
        (nn.LayerNorm(3), "use BatchNorm2d right after a Conv2d"),
        (nn.AdaptiveMaxPool2d(1), "use MaxPool2d, AvgPool2d or AdaptiveAvgPool2d(1)"),
        (nn.Softmax(1), "leave it out, the largest score is the class"),
        (nn.LSTM(2, 2), f"use {SUPPORTED}"),
    ],
)
def test_the_reason_names_the_module_and_its_place(module, instead):
    message = f"3.body.0: {type(module).__name__} is not supported; {instead}"
    assert str(refusal("3.body.0", module)) == message
