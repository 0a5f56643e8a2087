"""A model in segments: what each is made of, and how paths meet."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bitrain.models import Concatenate, Residual, Subsample
from bitrain.recast.segments import find_segments

IMAGES = torch.rand(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))


def segments(forward, **modules: nn.Module):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            for name, module in modules.items():
                self.add_module(name, module)

    Net.forward = forward
    torch.manual_seed(0)
    return find_segments(Net().eval(), IMAGES)


def kinds(segment) -> list[type]:
    return [type(module) for module in segment.modules]


def check(found) -> None:
    """Each begins with what the one before gives, and its modules compute what it gives."""
    assert torch.equal(found[0].inputs, IMAGES)
    for before, after in pairwise(found):
        assert torch.equal(before.outputs, after.inputs)
    for segment in found:
        again = nn.Sequential(*segment.modules).eval()(segment.inputs)
        torch.testing.assert_close(again, segment.outputs)


def test_functions_become_modules():
    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        return torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)

    found = segments(forward, conv=nn.Conv2d(4, 3, 1))
    check(found)
    assert [kinds(segment) for segment in found] == [
        [nn.Conv2d],
        [nn.ReLU],
        [nn.MaxPool2d],
        [nn.AdaptiveAvgPool2d],
        [nn.Flatten],
    ]
    assert found[0].path == "conv" and not any(segment.join for segment in found)


def test_a_mean_over_the_map():
    found = segments(lambda self, x: x.mean((2, 3)))
    check(found)
    assert kinds(found[0]) == [nn.AdaptiveAvgPool2d, nn.Flatten]


def test_a_view_by_the_number_of_images():
    found = segments(lambda self, x: x.view(x.size(0), -1))
    check(found)
    assert kinds(found[-1]) == [nn.Flatten]


@pytest.mark.parametrize("shortcut", ["none", "projection", "slices"])
def test_an_addition_and_its_relu_are_a_residual(shortcut):
    stride = 1 if shortcut == "none" else 2

    def forward(self, x):
        body = self.second(F.relu(self.first(x)))
        if shortcut == "none":
            return F.relu(body + x)
        return F.relu(body + (self.project(x) if shortcut == "projection" else x[:, :, ::2, ::2]))

    modules: dict[str, nn.Module] = {
        "first": nn.Conv2d(4, 5, 3, stride=stride, padding=1),
        "second": nn.Conv2d(5, 4, 3, padding=1),
    }
    if shortcut == "projection":
        modules["project"] = nn.Conv2d(4, 4, 1, stride=2)
    (found,) = segments(forward, **modules)
    check([found])
    assert kinds(found) == [Residual] and found.join == "residual" and not found.whole
    assert [type(module) for module in found.main] == [nn.Conv2d, nn.ReLU, nn.Conv2d]
    kind = {"none": nn.Identity, "projection": nn.Conv2d, "slices": Subsample}[shortcut]
    (residual,) = found.modules
    assert isinstance(residual, Residual) and type(residual.shortcut) is kind


def test_channels_side_by_side_are_dense():
    (found,) = segments(
        lambda self, x: torch.cat([x, F.relu(self.conv(x))], 1), conv=nn.Conv2d(4, 2, 1)
    )
    check([found])
    assert kinds(found) == [Concatenate] and found.join == "dense"


def test_paths_of_another_make_stay_as_they_are():
    (found,) = segments(lambda self, x: self.conv(x) * torch.sigmoid(x), conv=nn.Conv2d(4, 4, 1))
    check([found])
    assert found.join is None and found.whole and len(found.modules) == 1
