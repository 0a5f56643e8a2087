"""Activations that are written as products."""

from collections.abc import Callable

import pytest
import torch
from onnx_graphs import export
from torch import Tensor, nn
from torch.nn import functional as F

from bitrain.frontend import read_model
from bitrain.frontend.float_layer import walk
from bitrain.models import create_model
from bitrain.spec import BitrainError, Shape

SHAPE = Shape(1, 8, 8)
Function = Callable[[Tensor], Tensor]


class Net(nn.Module):
    def __init__(self, activation: Function):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4 * 36, 10)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.activation(self.conv(x)).flatten(1))


WRITTEN: dict[str, tuple[str, Function]] = {
    "silu": ("silu", lambda x: x * torch.sigmoid(x)),
    "silu, the other way round": ("silu", lambda x: torch.sigmoid(x) * x),
    "silu by exp": ("silu", lambda x: x / (1 + torch.exp(-x))),
    "quick gelu": ("silu", lambda x: x * torch.sigmoid(1.702 * x)),
    "gelu": ("gelu", lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5))),
    "gelu, halved last": ("gelu", lambda x: x * (1 + torch.erf(x / 2**0.5)) / 2),
    "gelu by tanh": ("gelu", lambda x: 0.5 * x * (1 + torch.tanh(0.79788 * (x + 0.0447 * x**3)))),
    "mish": ("mish", lambda x: x * torch.tanh(F.softplus(x))),
    "mish by log": ("mish", lambda x: x * torch.tanh(torch.log(1 + torch.exp(x)))),
    "mish by log1p": ("mish", lambda x: x * torch.tanh(torch.log1p(torch.exp(x)))),
    "hardswish": ("hardswish", lambda x: x * F.relu6(x + 3) / 6),
    "hardswish by hardsigmoid": ("hardswish", lambda x: x * F.hardsigmoid(x)),
    "hardswish by clamp": ("hardswish", lambda x: x * torch.clamp(x + 3, 0, 6) / 6),
    "twice silu": ("silu", lambda x: 2 * x * torch.sigmoid(x)),
}
IMAGES = torch.rand(8, *SHAPE, generator=torch.Generator().manual_seed(0))


def with_relu(model: nn.Module, slope: float = 1.0) -> Tensor:
    other = Net(lambda x: slope * x.relu())
    other.load_state_dict({k: v for k, v in model.state_dict().items() if "." in k}, strict=False)
    return other(IMAGES)


def read(model: nn.Module) -> tuple[Tensor, list[str]]:
    found = read_model(model, SHAPE, IMAGES, replace_activations=True)
    chain = found.chain
    scores = walk(chain, IMAGES, lambda i, maps, added: chain[i].forward(maps, added))[-1]
    return scores.flatten(1), [each.operation for each in found.origins if each.replaced]


@pytest.mark.parametrize("written", WRITTEN)
def test_they_are_known_however_they_are_written(written) -> None:
    name, function = WRITTEN[written]
    model = Net(function).eval()
    with pytest.raises(
        BitrainError, match=rf"{name} \(test_gates.py:\d+\): the accelerator has no"
    ):
        read_model(model, SHAPE, IMAGES)
    scores, replaced = read(model)
    assert replaced == [name]
    slope = 2.0 if written == "twice silu" else 1.0
    assert torch.allclose(scores, with_relu(model, slope), atol=1e-5)


ACTIVATIONS: dict[str, Function] = {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
    "mish": F.mish,
    "mish by softplus": lambda x: x * torch.tanh(F.softplus(x)),
    "hardswish": F.hardswish,
}


@pytest.mark.parametrize(("dynamo", "opset"), [(False, 11), (False, 17), (True, 18)])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_as_onnx_files_have_them(name, dynamo, opset, tmp_path) -> None:
    model, path = Net(ACTIVATIONS[name]).eval(), tmp_path / "net.onnx"
    export(model, IMAGES, path, dynamo=dynamo, opset=opset)
    scores, replaced = read(create_model(str(path), SHAPE, 10))
    assert [each.lower() for each in replaced] == [name.partition(" ")[0]]
    assert torch.allclose(scores, with_relu(model), atol=1e-5)


def test_a_gate_of_something_else_is_none() -> None:
    """Squeeze and excitation: each channel by what is of the whole map."""

    class Gate(nn.Module):
        def __init__(self):
            super().__init__()
            self.of = nn.Conv2d(4, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            return x * torch.sigmoid(self.of(x.mean([2, 3], keepdim=True)))

    with pytest.raises(BitrainError, match="a gate, the product of two activations"):
        read_model(Net(Gate()), SHAPE, IMAGES, replace_activations=True)


@pytest.mark.parametrize(
    "function", [lambda x: x * (1 + x), lambda x: x * x.clamp(0), lambda x: x * torch.exp(-x)]
)
def test_a_product_that_is_not_like_relu_is_refused(function) -> None:
    with pytest.raises(BitrainError, match=r"the accelerator|not supported"):
        read_model(Net(function), SHAPE, IMAGES, replace_activations=True)
