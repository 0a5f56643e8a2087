"""Gradients of an SC layer are those of the real-valued layer; clipping stops them."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from bitrain.frontend import FloatLayer
from bitrain.nn import ScConfig, ScLayer
from bitrain.nn.layer import Noise
from bitrain.nn.sums import BinarySums, StochasticSums
from bitrain.spec import MaxPool2d, Shape

BITS, LENGTH = 5, 16
IN_SHAPE = Shape(3, 6, 6)


def make_layer(arithmetic: str = "stochastic", relu: bool = True, bias: float = 2.0) -> ScLayer:
    """Weights that touch the clip but do not exceed it, outputs well inside (0, 2^n)."""
    generator = torch.Generator().manual_seed(0)
    source = FloatLayer(
        name="conv",
        kind="conv2d",
        in_shape=IN_SHAPE,
        weight=torch.rand(4, 3, 3, 2, generator=generator) - 0.5,
        bias=torch.full((4,), bias),
        stride=(1, 2),
        padding=(1, 0),
        relu=relu,
        pool=MaxPool2d(kernel=(2, 2), stride=(2, 1)) if relu else None,
    )
    banks = ScConfig(bits=BITS, lanes=5).banks()
    sums = BinarySums(BITS, LENGTH)
    if arithmetic == "stochastic":
        sums = StochasticSums(*banks, LENGTH)
    layer = ScLayer(source, BITS, sums)
    layer.in_scale.fill_(0.7)
    layer.shift.fill_(3)
    return layer


def real_layer(layer: ScLayer, weight: Tensor, bias: Tensor, activations: Tensor) -> Tensor:
    """What the layer approximates, in real numbers, at the quantised weights."""
    scaled = weight / layer.clip * layer.one
    quantised = scaled + (layer.integer_weight() - scaled).detach()
    sums = F.conv2d(activations, quantised.double(), None, (1, 2), (1, 0)) * LENGTH / 4**BITS
    sums = sums + (bias / layer.product_scale)[:, None, None]
    return sums / 2**3 if layer.source.relu else sums


def draw(shape: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint((1 << BITS) + 1, shape, generator=generator).float()


@pytest.mark.parametrize("arithmetic", ["stochastic", "binary"])
@pytest.mark.parametrize("relu", [True, False])
def test_gradient_is_the_real_layers_where_nothing_clips(arithmetic, relu) -> None:
    layer = make_layer(arithmetic, relu)
    layer.source = FloatLayer(**{**vars(layer.source), "pool": None})
    activations = draw((2, *IN_SHAPE)).requires_grad_()
    out = layer(activations)
    if relu:
        assert out.min() > 0 and out.max() < layer.one, "the test needs room"
    upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(2))
    ours = torch.autograd.grad(out, (layer.weight, layer.bias, activations), upstream)

    weight, bias = (p.detach().double().requires_grad_() for p in (layer.weight, layer.bias))
    inputs = activations.detach().double().requires_grad_()
    real = real_layer(layer, weight, bias, inputs)
    wanted = torch.autograd.grad(real, (weight, bias, inputs), upstream.double())
    for a, b in zip(ours, wanted, strict=True):
        assert b.abs().max() > 0
        torch.testing.assert_close(a.double(), b, rtol=1e-4, atol=1e-4)


def test_pooling_passes_the_gradient_to_the_largest() -> None:
    layer = make_layer()
    one = torch.tensor([[8.0, 80.0], [40.0, 16.0]])
    accumulators = one.expand(1, 4, 2, 2).clone().requires_grad_()
    layer.upscale.copy_(torch.tensor([0, 1, 0, 2]))
    layer.finish(accumulators).sum().backward()
    assert accumulators.grad is not None
    for channel, gain in enumerate([1 / 8, 1 / 16, 1 / 8, 1 / 32]):
        wanted = torch.tensor([[0, gain], [0, 0.0]])
        torch.testing.assert_close(accumulators.grad[0, channel], wanted)


@pytest.mark.parametrize("bias", [-100.0, 100.0])
def test_clipped_activations_have_no_gradient(bias) -> None:
    layer = make_layer(bias=bias)
    out = layer(draw((2, *IN_SHAPE)))
    assert out.unique().tolist() == [0 if bias < 0 else layer.one]
    gradients = torch.autograd.grad(out.sum(), (layer.weight, layer.bias))
    assert not any(gradient.any() for gradient in gradients)


def test_saturated_weights_have_no_gradient() -> None:
    layer = make_layer()
    layer.clip.mul_(0.5)
    gradient = torch.autograd.grad(layer(draw((2, *IN_SHAPE))).sum(), layer.weight)[0]
    saturated = layer.weight.abs() > layer.clip
    assert saturated.any() and not gradient[saturated].any()
    assert gradient[~saturated].all()
    assert (layer.integer_weight().abs()[saturated] == layer.one).all()


@pytest.mark.parametrize(("shift", "outputs"), [(2, [3, 3, 3, 4]), (0, [10, 11, 13, 14])])
def test_requantisation_rounds_half_up(shift, outputs) -> None:
    layer = make_layer()
    layer.source = FloatLayer(**{**vars(layer.source), "pool": None})
    layer.shift.fill_(shift)
    accumulators = torch.tensor([10.0, 11.0, 13.0, 14.0]).expand(1, 4, 1, 4)
    assert layer.finish(accumulators)[0, :, 0].tolist() == [outputs] * 4


def test_upscale_changes_the_precision_and_not_the_unit() -> None:
    """Weights of an upscaled channel use more of their range, and its outputs mean the same."""
    layer = make_layer()
    layer.source = FloatLayer(**{**vars(layer.source), "pool": None})
    with torch.no_grad():
        layer.weight[1] /= 4
    before, weight = layer(draw((2, *IN_SHAPE))), layer.integer_weight()
    layer.upscale[1] = 2
    after = layer(draw((2, *IN_SHAPE)))
    assert layer.integer_weight()[1].abs().max() > 3 * weight[1].abs().max()
    assert torch.equal(layer.integer_weight()[[0, 2, 3]], weight[[0, 2, 3]])
    assert torch.equal(after[:, [0, 2, 3]], before[:, [0, 2, 3]])
    assert 0 < (after[:, 1] - before[:, 1]).abs().max() <= 2
    exported = layer.to_layer()
    assert exported.upscale.tolist() == [0, 2, 0, 0]
    assert exported.bias[1] == layer.integer_bias()[1] + 16


def test_noise_takes_the_place_of_exact_sums_in_training_only() -> None:
    layer = make_layer()
    activations = draw((64, *IN_SHAPE))
    exact = layer.accumulate(activations)
    error = exact - layer.accumulate(activations, real=True)
    assert error.abs().max() > 0
    layer.noise = {0: Noise(torch.full((4, 1, 1), 3.0), torch.full((4, 1, 1), 0.0))}
    assert torch.equal(layer.eval()(activations), layer.finish(exact))
    shifted = layer.finish(layer.accumulate(activations, real=True) + 3)
    assert torch.equal(layer.train()(activations), shifted)


def test_the_rounding_half_is_in_the_exported_bias() -> None:
    layer = make_layer()
    exported = layer.to_layer()
    assert exported.shift == 3
    assert exported.bias.tolist() == (layer.integer_bias() + 4).tolist()
    layer.shift.fill_(0)
    assert layer.to_layer().bias.tolist() == layer.integer_bias().tolist()
    assert make_layer(relu=False).to_layer().bias.tolist() == layer.integer_bias().tolist()
