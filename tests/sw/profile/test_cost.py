"""Costs, counted by hand and against the literature."""

import pytest
import torch
from modules import named_model
from torch import nn

from bitrain.models import Block, BlockSpec, Concatenate, Residual, Subsample, create_model
from bitrain.profile.cost import ModelCost, cost_by_block, model_cost
from bitrain.spec import BitrainError, Shape

CIFAR = Shape(3, 32, 32)


def cifar_cost(name: str) -> ModelCost:
    with torch.device("meta"):
        model = create_model(name, CIFAR, 10)
    return model_cost(model, CIFAR)


@pytest.mark.parametrize(
    ("module", "cost"),
    [
        (nn.Conv2d(3, 8, 3, stride=2, padding=1), (224, 8 * 16, 27 * 128, 192 + 216 + 8 + 128)),
        # Batch norm, folded, gives the bias that the convolution lacks.
        (
            nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()),
            (216 + 16, 512, 27 * 512, 192 + 216 + 8 + 512),
        ),
        (nn.Conv2d(3, 6, 3, padding=1, groups=3), (60, 384, 9 * 384, 192 + 54 + 6 + 384)),
        (
            nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(192, 5)),
            (965, 5, 960, 192 + 960 + 5 + 5),
        ),
        (nn.MaxPool2d(2), (0, 48, 0, 192 + 48)),
        (nn.AvgPool2d(4), (0, 12, 0, 192 + 12)),
        (nn.AdaptiveAvgPool2d(1), (0, 3, 0, 192 + 3)),
        (Residual(nn.Sequential(nn.Identity())), (0, 192, 0, 3 * 192)),
        (
            Residual(nn.Sequential(nn.Conv2d(3, 4, 1, stride=2, bias=False)), Subsample(3, 4, 2)),
            (12, 64 + 64, 12 * 16, 192 + 12 + 4 + 64 + 3 * 64),
        ),
        (
            Concatenate(nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), nn.ReLU())),
            (6, 128, 6 * 64, 192 + 6 + 2 + 128),
        ),
    ],
)
def test_counted_by_hand(module, cost):
    found = model_cost(module, Shape(3, 8, 8))
    assert (found.parameters, found.activations, found.macs, found.memory_access) == cost


def test_a_module_used_twice_computes_twice_and_has_its_parameters_once():
    conv = nn.Conv2d(2, 2, 1, bias=False)
    once, twice = (model_cost(nn.Sequential(*[conv] * n), Shape(2, 4, 4)) for n in (1, 2))
    assert twice.macs == 2 * once.macs and twice.parameters == once.parameters == 4


def test_blocks_add_up_to_the_model():
    shape = Shape(3, 8, 8)
    kinds = {"conv": {"layers": 2}, "residual": {}, "bottleneck": {}, "dense": {}, "separable": {}}
    specs = [BlockSpec(kind="conv", in_channels=3, out_channels=8)]
    for kind, options in kinds.items():
        specs.append(
            BlockSpec.model_validate({"kind": kind, "in_channels": 8, "out_channels": 8, **options})
        )
    head = BlockSpec(kind="linear", in_channels=8, out_channels=4, average=True, relu=False)
    model = nn.Sequential(*map(Block, [*specs, head]))
    costs = cost_by_block(model, shape)
    assert len(costs) == 7 and sum(costs, ModelCost()) == model_cost(model, shape)
    assert costs[1].macs == 2 * 64 * 8 * 8 * 9 and costs[-1].macs == 8 * 4


def test_the_model_is_left_alone():
    model = named_model("digits_cnn", Shape(1, 8, 8), 10).train()
    norm = model.get_submodule("0.1").eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model_cost(model, Shape(1, 8, 8))
    cost_by_block(model, Shape(1, 8, 8))
    assert model.training and model[1].training and not norm.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_an_image_that_does_not_fit():
    model = named_model("digits_cnn", Shape(1, 8, 8), 10).train()
    with pytest.raises(BitrainError, match="Sequential cannot read a map of 3 x 8 x 8"):
        model_cost(model, Shape(3, 8, 8))
    with pytest.raises(BitrainError, match="Block cannot read a map of 32 x 4 x 4"):
        cost_by_block(model, Shape(1, 16, 16))
    assert model.training and not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(
    ("name", "wanted", "tolerance"),
    [
        # arXiv:1512.03385, table 6.
        ("resnet20", 0.27, 0.02),
        ("resnet56", 0.85, 0.02),
        ("vgg16", 14.7, 0.01),
        # arXiv:1605.07146, where shortcuts have weights.
        ("wrn28_10", 36.5, 0.02),
        # arXiv:1608.06993, table 2; batch norm before a layer has more parameters than after it.
        ("densenet100", 0.77, 0.05),
    ],
)
def test_parameters_of_the_literature(name, wanted, tolerance):
    assert cifar_cost(name).parameters / 1e6 == pytest.approx(wanted, rel=tolerance)


@pytest.mark.parametrize(
    ("name", "wanted"),
    # The last two: H. Li et al., arXiv:1608.08710, table 1.
    [("resnet20", 41), ("resnet56", 125), ("vgg16", 313)],
)
def test_macs_of_the_literature(name, wanted):
    assert cifar_cost(name).macs / 1e6 == pytest.approx(wanted, rel=0.02)
