"""Copies of models whose weights a hook computes."""

import copy
import threading

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from bitrain.models import copy_model
from bitrain.profile.latency import fold_batch_norm
from bitrain.recast.parse import parse_blocks
from bitrain.spec import BitrainError, Shape


class Net(nn.Module):
    """A residual block and a classifier."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.scores = nn.Linear(8 * 16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.first(x)))
        x = self.pool(torch.relu(x + torch.relu(self.second(x))))
        return self.scores(torch.flatten(x, 1))


def prune_twice(module):
    prune.l1_unstructured(module, "weight", 0.3)
    prune.random_unstructured(module, "weight", 0.3)


KINDS = {
    "pruned": lambda module: prune.l1_unstructured(module, "weight", 0.5),
    "pruned twice": prune_twice,
    "weight norm": weight_norm,
    "spectral norm": spectral_norm,
    "weight norm of parametrizations": parametrizations.weight_norm,
    "nothing": lambda module: None,
}


@pytest.fixture(params=KINDS)
def model(request) -> Net:
    """A model that has run, so that it holds computed weights."""
    torch.manual_seed(0)
    net = Net()
    for module in (net.first, net.second, net.scores):
        KINDS[request.param](module)
    net(torch.rand(4, 1, 8, 8))
    return net.eval()


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
@pytest.mark.parametrize(
    "copied",
    [copy_model, fold_batch_norm, lambda model: parse_blocks(model, Shape(1, 8, 8))],
    ids=["copy_model", "fold_batch_norm", "parse_blocks"],
)
def test_copy_computes_the_same(model, copied):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    images = torch.rand(3, 1, 8, 8)
    found = copied(model)
    assert torch.allclose(found.eval()(images), model(images), atol=1e-5)
    again = copy.deepcopy(found)  # holds nothing that cannot be copied
    again.train()(images).sum().backward()
    assert all(parameter.grad is not None for parameter in again.parameters())
    after = model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_weights_loaded_after_a_pass_count():
    """The tensor that a pass left in the module is of the weights before."""
    torch.manual_seed(0)
    layer = nn.Linear(3, 3)
    prune.l1_unstructured(layer, "weight", 0.5)
    layer(torch.rand(1, 3))
    layer.load_state_dict({**layer.state_dict(), "weight_orig": torch.full((3, 3), 2.0)})
    image = torch.rand(2, 3)
    assert torch.equal(copy_model(layer)(image), layer(image))


def test_what_cannot_be_copied():
    model = Net()
    vars(model)["lock"] = threading.Lock()
    with pytest.raises(
        BitrainError, match=r"^Net cannot be copied \(cannot pickle .*lock.* object\)"
    ):
        copy_model(model)
