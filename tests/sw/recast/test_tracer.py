"""A model's operations in order, with what each of them gives."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bitrain.models import Subsample
from bitrain.recast.tracer import agree, record
from bitrain.spec import BitrainError

IMAGES = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("found", "same"),
    [
        ([1.0, 100.0], True),
        ([1.0005, 100.0], True),  # 1e-5 of the largest
        ([1.0015, 100.0], False),
        ([1.0, 100.005], True),
        ([float("nan"), 100.0], False),
    ],
)
def test_equal_but_for_rounding(found, same):
    assert agree(torch.tensor(found), torch.tensor([1.0, 100.0])) == same


def test_shapes_and_values_that_are_no_numbers():
    nothing = torch.tensor([float("nan"), 1.0])
    assert agree(nothing, nothing) and not agree(nothing, nothing[:1])
    assert not agree(torch.tensor([1.0, 1.0]), nothing)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = Subsample(4, 4, 2)

    def forward(self, images):
        x = self.relu(self.conv(images))
        x += 1
        x = F.dropout(self.shortcut(x), 0.25, training=self.training)
        return torch.flatten(x, 1)


def test_values_are_those_of_the_model():
    model = Net().eval()
    with torch.no_grad():
        _, values = record(model, IMAGES)
    tensors = [value for value in values.values() if isinstance(value, torch.Tensor)]
    assert torch.equal(tensors[0], IMAGES)
    model.requires_grad_(False)
    torch.testing.assert_close(tensors[1], model.conv(IMAGES))
    torch.testing.assert_close(tensors[2], model.conv(IMAGES).relu())
    torch.testing.assert_close(tensors[3], model.conv(IMAGES).relu() + 1)
    torch.testing.assert_close(tensors[-1], model(IMAGES))


def test_nothing_works_in_place_and_dropout_is_a_module():
    model = Net().train()
    with torch.no_grad():
        root, values = record(model, IMAGES)
    dropouts = [module for module in root.modules() if isinstance(module, nn.Dropout)]
    assert [dropout.p for dropout in dropouts] == [0.25]
    assert not any(getattr(module, "inplace", False) for module in root.modules())
    assert model.relu.inplace and model.training, "the model is left alone"
    assert {node.op for node in values} <= {"placeholder", "call_module", "call_function"}


class Several(nn.Module):
    def forward(self, images):
        return [images, images + 1]


class Depends(nn.Module):
    def forward(self, images):
        return images if images.sum() > 0 else -images


class Varies(nn.Module):
    """Gives something else at every call."""

    def forward(self, images):
        return images + torch.rand(1)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Several(), "^Several gives several outputs; return the scores alone"),
        (nn.Sequential(Depends()), "^0: Depends cannot be taken apart: .*; its forward must read"),
        (nn.Conv2d(5, 2, 1), "^the model does not fit images of 3 x 6 x 6: "),
        (Varies(), "^Varies: its operations, one after the other, do not give what the model gi"),
    ],
)
def test_refused(model, message):
    with pytest.raises(BitrainError, match=message):
        record(model, IMAGES)
