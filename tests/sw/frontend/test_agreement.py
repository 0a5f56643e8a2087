"""A model is what it computes, not what its modules look like."""

import copy
from collections.abc import Callable

import pytest
import torch
from modules import draw_statistics, part
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from bitrain.frontend import chain, read_chain
from bitrain.frontend.operations import Clip
from bitrain.models import Residual
from bitrain.nn import ScConfig, convert
from bitrain.spec import BitrainError, Shape

IN_SHAPE = Shape(1, 8, 8)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4))
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        Residual(body),
        *(nn.Conv2d(4, 4, 1), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)),
    )


def scores_of(model: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """Of the float network that was read."""
    pixels = images.numpy()
    return convert(model, IN_SHAPE, pixels, ScConfig(bits=3)).float_scores(images)


def pruned(model: nn.Sequential) -> nn.Sequential:
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            prune.l1_unstructured(module, "weight", 0.6)
    return model


def weight_normed(model: nn.Sequential) -> nn.Sequential:
    with pytest.warns(FutureWarning):
        nn.utils.weight_norm(model[2])
        nn.utils.weight_norm(model[-1])
    return model


def parametrized(model: nn.Sequential) -> nn.Sequential:
    parametrizations.weight_norm(model[2])
    parametrizations.orthogonal(model[-1])
    return model


@pytest.mark.parametrize("change", [pruned, weight_normed, parametrized])
def test_weights_that_are_made_by_others(change) -> None:
    """Built again and given the trained weights, as the steps of a run do."""
    trained = change(network())
    images = torch.rand(8, *IN_SHAPE)
    trained.train()
    torch.optim.SGD(trained.parameters(), 0.5).zero_grad()
    trained(images).square().sum().backward()
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.sub_(0.1 * parameter.grad)
    built_again = change(network())
    built_again.load_state_dict(trained.state_dict())
    wanted = trained.eval()(images)
    torch.testing.assert_close(scores_of(built_again, images), wanted, rtol=1e-4, atol=1e-5)


def change_output(module: nn.Module, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    def hook(_module: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        return change(output)

    module.register_forward_hook(hook)


def twice(module: nn.Module) -> None:
    change_output(module, lambda output: 2 * output)


def half(module: nn.Module) -> None:
    module.register_forward_pre_hook(lambda _module, inputs: (inputs[0] / 2,))


def replaced(module: nn.Module) -> None:
    real = module.forward
    module.forward = lambda inputs: real(inputs).clamp(max=0.1)


@pytest.mark.parametrize("change", [twice, half, replaced])
@pytest.mark.parametrize("path", ["0.0", "0.2", "1", "1.body.0", "3", "7", ""])
def test_what_modules_do_not_show(change, path) -> None:
    """Hooks and methods that were replaced are part of what a model computes."""
    model = network().eval()
    change(model.get_submodule(path))
    images = torch.rand(8, *IN_SHAPE)
    torch.testing.assert_close(scores_of(model, images), model(images), rtol=1e-4, atol=1e-5)


def test_a_chain_that_differs_is_refused(monkeypatch) -> None:
    """Naming the first step that does."""
    simplify = chain.simplify

    def wrongly(graph) -> None:
        simplify(graph)
        step = next(node for node in graph.nodes if node.name == "1.body.0")
        step.operation.bias.add_(0.01)

    monkeypatch.setattr(chain, "simplify", wrongly)
    message = (
        r"^1\.body\.0: the model gives other values here than the layers .* \(off by \d\.\de-\d\d"
    )
    with pytest.raises(BitrainError, match=message):
        read_chain(network(), IN_SHAPE)


@pytest.mark.parametrize("rare", [0, 13, 15])
def test_differences_that_only_a_real_image_shows(monkeypatch, rare) -> None:
    """Of those that calibrate, beside random ones."""
    images = torch.rand(16, *IN_SHAPE) / 2
    images[rare, ..., ::2] = 1
    simplify = chain.simplify

    def wrongly(graph) -> None:
        """A ceiling that all the other images stay below."""
        simplify(graph)
        node = next(node for node in graph.nodes if node.name == "0.2")
        others = torch.cat([node.value[: rare + 4], node.value[rare + 5 :]])
        node.operation = Clip(0.0, float(others.max()))

    model = network()
    nn.init.constant_(part(model, "0.0", nn.Conv2d).weight, 0.1)
    read_chain(model, IN_SHAPE, images)
    monkeypatch.setattr(chain, "simplify", wrongly)
    with pytest.raises(BitrainError, match=r"^0\.0: the model gives other values here"):
        read_chain(model, IN_SHAPE, images)


def test_noise_that_training_adds_to_weights() -> None:
    """And state that a parametrization keeps while the module trains: the model is left alone."""

    class Noisy(nn.Module):
        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            return weight + torch.randn_like(weight) * self.training

    model = network()
    parametrize.register_parametrization(model[2], "weight", Noisy())
    parametrizations.spectral_norm(model.get_submodule("0.0"))
    before = copy.deepcopy(model.train().state_dict())
    read_chain(model, IN_SHAPE)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize("value", [1e30, 1e38])
def test_values_beyond_float32(value) -> None:
    model = network()
    for path in ("0.0", "1.body.0"):
        nn.init.constant_(part(model, path, nn.Conv2d).weight, value)
    with pytest.raises(BitrainError, match=r"gives values that are not finite; train the model"):
        read_chain(model, IN_SHAPE)


def test_a_model_that_fails() -> None:
    model = network()

    def fail(_module: nn.Module, _inputs: object) -> None:
        raise KeyError("what it needs")

    model[2].register_forward_pre_hook(fail)
    message = r"^Sequential does not run on images of 1 x 8 x 8: KeyError: 'what it needs'$"
    with pytest.raises(BitrainError, match=message):
        read_chain(model, IN_SHAPE)


def test_the_model_is_left_alone() -> None:
    model = network().train()
    model[1].eval()
    before = copy.deepcopy(model.state_dict())
    read_chain(model, IN_SHAPE)
    assert model.training
    assert not any(model.get_submodule(path).training for path in ("1", "1.body.0"))
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_any_precision(dtype) -> None:
    chain = read_chain(network().to(dtype), IN_SHAPE)
    assert all(step.weight.dtype == step.bias.dtype == torch.float32 for step in chain)


def test_parametrized_modules_are_those_below() -> None:
    model = network()
    parametrize.register_parametrization(model[2], "weight", nn.Tanh())
    assert torch.equal(read_chain(model, IN_SHAPE)[2].weight, part(model, "2", nn.Conv2d).weight)


def test_rounding_does_not_add_up_in_deep_networks() -> None:
    """Batch norm of small variances makes differences larger from layer to layer."""
    torch.manual_seed(0)
    deep = []
    for _ in range(60):
        norm = nn.BatchNorm2d(8)
        draw_statistics(norm, mean=2, variance=(1e-3, 0.1))
        deep += [nn.Conv2d(8, 8, 3, padding=1, bias=False), norm, nn.ReLU()]
    head = nn.Sequential(nn.Flatten(), nn.Linear(8 * 64, 3))
    model = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), *deep, *head)
    assert len(read_chain(model, IN_SHAPE)) == 62
