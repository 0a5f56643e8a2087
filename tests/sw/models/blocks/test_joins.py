"""Where two paths meet."""

import pytest
import torch
from modules import part
from torch import nn

from bitrain.models import Concatenate, Residual, Subsample


def test_subsample_keeps_every_second_pixel_between_new_channels():
    images = torch.arange(2 * 2 * 5 * 4.0).reshape(2, 2, 5, 4)
    found = Subsample(2, 5, 2)(images)
    assert found.shape == (2, 5, 3, 2)
    assert torch.equal(found[:, 1:3], images[:, :, ::2, ::2])
    assert not found[:, 0].any() and not found[:, 3:].any()


def test_what_subsample_says_of_itself():
    assert repr(Subsample(2, 5, 2)) == "Subsample(stride=2, before=1, after=2)"


@pytest.mark.parametrize("shortcut", [None, Subsample(1, 1, 1)])
def test_a_residual_is_never_negative(shortcut):
    images = torch.tensor([[[[-3.0, 1.0, 2.0]]]])
    residual = Residual(nn.Sequential(nn.Conv2d(1, 1, 1, bias=False)), shortcut)
    nn.init.constant_(part(residual, "body.0", nn.Conv2d).weight, -0.5)
    assert residual(images).tolist() == [[[[0.0, 0.5, 1.0]]]]


def test_a_concatenation_has_the_input_first():
    images = torch.rand(2, 3, 4, 4)
    found = Concatenate(nn.Sequential(nn.ReLU(), nn.Conv2d(3, 2, 1)))(images)
    assert found.shape == (2, 5, 4, 4) and torch.equal(found[:, :3], images)
