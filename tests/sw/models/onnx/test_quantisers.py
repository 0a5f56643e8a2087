"""Quantisers: those of weights are applied, those of activations become clips."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx_graphs import TOLERANCE, Writer, runtime_scores

from bitrain.frontend import read_model
from bitrain.frontend.float_layer import walk
from bitrain.models.onnx import load_onnx
from bitrain.models.onnx.quantisers import Quantiser, applied, told, whole_numbers
from bitrain.spec import BitrainError, Shape

FILES = Path(__file__).with_name("files")
"""Written by Brevitas, see README.md there."""
DOMAIN = "qonnx.custom_op.general"


@pytest.mark.parametrize("bits", ["4_4", "2_3"])
def test_both_forms_are_one_network(bits) -> None:
    """The same network as QONNX and as QuantizeLinear, DequantizeLinear."""
    of_weights, of_activations = bits.split("_")
    found = [
        load_onnx(FILES / f"{form}_{bits}.onnx", Shape(1, 12, 12)) for form in ("qonnx", "qcdq")
    ]
    kinds = [[node.op_type for node in module.nodes] for module in found]
    assert kinds[0] == kinds[1]
    assert kinds[0].count("Clip") == 3
    for module in found:
        assert f"weights of {of_weights} bits (3)" in module.notes[0]
        assert (
            f"activations of {of_activations} bits (2), activations of 8 bits (1)"
            in module.notes[0]
        )
    images = torch.rand(20, 1, 12, 12)
    with torch.no_grad():
        assert torch.allclose(found[0](images), found[1](images), rtol=0, atol=1e-6)
    for module in found:
        convolution = next(x for x in module.arrays.values() if x.shape == (6, 1, 3, 3))
        assert len(np.unique(convolution.round(6))) <= 1 << int(of_weights)


@pytest.mark.parametrize("name", ["qonnx_4_4", "qonnx_2_3", "qcdq_4_4", "qcdq_2_3"])
def test_the_chain(name) -> None:
    """A step for each layer, and one for the ends of the images."""
    module = load_onnx(FILES / f"{name}.onnx", Shape(1, 12, 12))
    images = torch.rand(40, 1, 12, 12)
    chain = read_model(module, (1, 12, 12), images[:8]).chain
    assert [layer.name for layer in chain][1:] == ["c1", "c2", "fc"]
    with torch.no_grad():
        scores = walk(chain, images, lambda index, x, added: chain[index].forward(x, added))[-1]
        assert torch.allclose(scores.flatten(1), module(images), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("zero", "kind"), [(0, np.uint16), (100, np.int16)])
def test_rounding_is_all_that_is_left_out(zero, kind, tmp_path) -> None:
    """With steps of 2^-10 the clips give what the quantisers give, but for half a step."""
    net = Writer("N", 1, 8, 8)
    step, zero = net.constant(2**-10), net.constant(zero, kind)
    x = net.add("Conv", "images", net.weights(4, 1, 3, 3))
    x = net.add("DequantizeLinear", net.add("QuantizeLinear", x, step, zero), step, zero)
    path = net.save(tmp_path / "net.onnx", net.add("Flatten", x), opset=21)
    images = torch.rand(8, 1, 8, 8)
    module = load_onnx(path, Shape(1, 8, 8))
    with torch.no_grad():
        difference = (module(images) - runtime_scores(path, images.numpy())).abs().max()
    assert 0 < difference <= 2**-11 + 1e-6
    assert module.notes[0].startswith("quantisers found: activations of 16 bits (1); ")


def test_scales_of_channels(tmp_path) -> None:
    """Weights with a scale for each channel are those that the runtime reads."""
    net = Writer("N", 1, 8, 8)
    weight = net.constant(net.random.integers(-8, 8, (4, 1, 3, 3)), np.int8)
    scales, zeros = net.constant([0.1, 0.2, 0.3, 0.4]), net.constant([1, -1, 0, 2], np.int8)
    real = net.add("DequantizeLinear", weight, scales, zeros, axis=0)
    x = net.add("Flatten", net.add("Relu", net.add("Conv", "images", real)))
    path = net.save(tmp_path / "net.onnx", x)
    module, images = load_onnx(path, Shape(1, 8, 8)), torch.rand(4, 1, 8, 8)
    assert module.notes[0].startswith("quantisers found: weights of 8 bits (1); ")
    with torch.no_grad():
        wanted = runtime_scores(path, images.numpy())
        assert (module(images) - wanted).abs().max() <= TOLERANCE * wanted.abs().max()


def test_activations_with_scales_of_channels(tmp_path) -> None:
    """Are read, though the accelerator clips all channels alike and refuses them."""
    net = Writer("N", 1, 8, 8)
    scales, zero = net.constant([0.001, 0.002, 0.003, 0.004]), net.constant([0] * 4, np.uint8)
    x = net.add("Conv", "images", net.weights(4, 1, 3, 3))
    x = net.add("DequantizeLinear", net.add("QuantizeLinear", x, scales, zero), scales, zero)
    path = net.save(tmp_path / "net.onnx", net.add("Flatten", x))
    module = load_onnx(path, Shape(1, 8, 8))
    with torch.no_grad():
        assert module(torch.rand(4, 1, 8, 8)).max() <= 0.004 * 255 + 1e-6
    with pytest.raises(BitrainError, match=r"the accelerator cannot have bounds that are tensors"):
        read_model(module, (1, 8, 8), torch.rand(8, 1, 8, 8))


@pytest.mark.parametrize("high", [255, 100])
def test_images_have_a_grid_of_their_own(high, tmp_path) -> None:
    """A quantiser of the image is left out where it holds 0 … 1, and a clip where it does not."""
    net = Writer("N", 8, 8, 1)
    scale, zero = net.constant(1 / high / (1 if high == 255 else 2)), net.constant(0, np.uint8)
    x = net.add("Transpose", "images", perm=[0, 3, 1, 2])
    x = net.add("QuantizeLinear", x, scale, zero)
    x = net.add("Clip", x, net.constant(0, np.uint8), net.constant(high, np.uint8))
    x = net.add("Conv", net.add("DequantizeLinear", x, scale, zero), net.weights(4, 1, 3, 3))
    module = load_onnx(net.save(tmp_path / "net.onnx", net.add("Flatten", x)), Shape(1, 8, 8))
    kinds = [node.op_type for node in module.nodes]
    assert ("Clip" in kinds) == (high != 255)
    assert f"activations of {high.bit_length()} bits (1)" in module.notes[1]


def numbers(*values: float) -> list[np.ndarray]:
    """As constants of a file are."""
    return [np.array(value, np.float32) for value in values]


def _node(kind: str = "Quant", **options: Any) -> onnx.NodeProto:
    return helper.make_node(kind, ["x", "s", "z", "b"], ["y"], domain=DOMAIN, **options)


@pytest.mark.parametrize(
    ("rounding", "wanted"),
    [
        ("ROUND", [-2, -2, -2, -1, 0, 0, 0, 1, 2, 2, 2]),
        ("FLOOR", [-3, -2, -2, -2, -1, 0, 0, 0, 1, 1, 2]),
        ("CEIL", [-2, -2, -1, -1, 0, 0, 1, 1, 2, 2, 3]),
        ("ROUND_TO_ZERO", [-2, -2, -1, -1, 0, 0, 0, 0, 1, 1, 2]),
        ("DOWN", [-2, -2, -1, -1, 0, 0, 0, 0, 1, 1, 2]),
        ("UP", [-3, -2, -2, -2, -1, 0, 1, 1, 2, 2, 3]),
        ("HALF_UP", [-3, -2, -2, -1, -1, 0, 1, 1, 2, 2, 3]),
        ("HALF_DOWN", [-2, -2, -1, -1, 0, 0, 0, 1, 1, 2, 2]),
    ],
)
def test_rounding(rounding, wanted) -> None:
    x = np.array([-2.5, -2, -1.5, -1.2, -0.5, 0, 0.5, 0.8, 1.5, 1.6, 2.5], np.float32)
    inputs = [x, *numbers(1.0, 0.0, 8.0)]
    value, bits = applied(_node(rounding_mode=rounding), inputs)
    assert (value.tolist(), bits) == (wanted, 8)


def test_rounding_that_there_is_not() -> None:
    inputs = [np.zeros(2, np.float32), *numbers(1.0, 0.0, 8.0)]
    with pytest.raises(BitrainError, match=r"^Quant \(y\): rounding 'ODD'; expected ROUND, "):
        applied(_node(rounding_mode="ODD"), inputs)


@pytest.mark.parametrize(
    ("bits", "signed", "narrow", "ends"),
    [
        (4, True, False, (-8, 7)),
        (4, True, True, (-7, 7)),
        (4, False, False, (0, 15)),
        (4, False, True, (0, 14)),
        (1, True, False, (-1, 0)),
        (1, False, False, (0, 1)),
    ],
)
def test_whole_numbers(bits, signed, narrow, ends) -> None:
    assert whole_numbers(bits, signed=signed, narrow=narrow) == ends
    x = np.linspace(-40, 40, 161, dtype=np.float32)
    node = _node(signed=int(signed), narrow=int(narrow))
    value, _ = applied(node, [x, *numbers(2.0, 0.0, bits)])
    assert (value.min(), value.max()) == (2 * ends[0], 2 * ends[1])


def test_zero_points_and_two_values() -> None:
    x = np.array([-1.0, 0.1, 3.0], np.float32)
    value, _ = applied(_node(), [x, *numbers(0.5, 3.0, 4.0)])
    assert value.tolist() == [-1, 0, 2]  # round half to even, at most (7 - 3) / 2
    value, bits = applied(_node("BipolarQuant"), [x, *numbers(0.5)])
    assert (value.tolist(), bits) == ([-0.5, 0.5, 0.5], 1)


def test_told() -> None:
    found = [Quantiser(4, of_weights=True)] * 2 + [Quantiser(1, of_weights=True)]
    found.append(Quantiser(3, of_weights=False))
    assert told(found) == "weights of 1 bit (1), weights of 4 bits (2), activations of 3 bits (1)"


def test_cut_numbers_are_left_alone(tmp_path) -> None:
    """``Trunc`` only rounds."""
    net = Writer("N", 1, 8, 8)
    x = net.add("Conv", "images", net.weights(4, 1, 3, 3))
    x = net.add("Trunc", x, *map(net.constant, (0.1, 0.0, 8.0, 4.0)), domain=DOMAIN)
    path = net.save(tmp_path / "net.onnx", net.add("Flatten", x), **{DOMAIN: 1})
    module = load_onnx(path, Shape(1, 8, 8))
    assert [node.op_type for node in module.nodes] == ["Conv", "Identity", "Flatten"]
    assert not module.notes


def test_biases_are_no_weights(tmp_path) -> None:
    net = Writer("N", 1, 8, 8, kind=TensorProto.FLOAT)
    bias = net.constant([10, -20, 30, 40], np.int32)
    bias = net.add("DequantizeLinear", bias, net.constant(0.01), net.constant(0, np.int32))
    x = net.add("Flatten", net.add("Conv", "images", net.weights(4, 1, 3, 3), bias))
    module = load_onnx(net.save(tmp_path / "net.onnx", x), Shape(1, 8, 8))
    assert not module.notes
    values = [numpy_helper.to_array(each) for each in module.folded.model.graph.initializer]
    assert any(np.allclose(value, [0.1, -0.2, 0.3, 0.4]) for value in values if value.ndim == 1)
