"""ONNX files as modules: they give what a runtime gives, whoever wrote them."""

import numpy as np
import onnx
import pytest
import torch
from onnx_graphs import KERAS, TOLERANCE, Writer, export, runtime_scores
from torch import nn

from bitrain.frontend import read_model
from bitrain.frontend.float_layer import walk
from bitrain.models import create_model, load_weights, model_digest
from bitrain.models.onnx import load_onnx
from bitrain.models.onnx.module import path_of
from bitrain.models.onnx.operators import OPERATORS
from bitrain.spec import BitrainError, Shape


@pytest.mark.parametrize("name", KERAS)
def test_channels_last(name, tmp_path) -> None:
    """Scores of the chain are those of onnxruntime for the file, on images it was not read with."""
    write, shape = KERAS[name]
    path = write(tmp_path / f"{name}.onnx")
    module = load_onnx(path, Shape(*shape))
    assert module.notes == ("it reads images whose channels come last",)
    images = torch.rand(24, *shape, generator=torch.Generator().manual_seed(1))
    chain = read_model(module, shape, images[:8]).chain
    with torch.no_grad():
        unseen = images[8:]
        scores = walk(chain, unseen, lambda index, x, added: chain[index].forward(x, added))[-1]
    scores = scores.flatten(1)
    wanted = runtime_scores(path, unseen.permute(0, 2, 3, 1).numpy())
    if name == "keras_lenet":
        scores = scores.softmax(1)
    assert (scores - wanted).abs().max() <= TOLERANCE * wanted.abs().max()


class Net(nn.Module):
    """Two modules by name, one within another."""

    def __init__(self, batch: int = -1) -> None:
        super().__init__()
        self.batch = batch
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(36, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores."""
        return self.head(self.features(x).reshape(self.batch, 36))


@pytest.mark.parametrize("dynamo", [False, True])
def test_names_are_those_of_the_modules(dynamo, tmp_path) -> None:
    path = export(Net(), torch.rand(2, 1, 8, 8), tmp_path / "net.onnx", dynamo=dynamo)
    reading = read_model(load_onnx(path, Shape(1, 8, 8)), (1, 8, 8), torch.rand(8, 1, 8, 8))
    assert [layer.name for layer in reading.chain] == ["features.0", "head"]
    kinds = {origin.operation: origin.path for origin in reading.origins}
    assert kinds["Conv"] == "features.0"
    assert kinds["Gemm"] == "head"


@pytest.mark.parametrize(
    ("name", "kind", "path"),
    [
        ("/features/features.0/Conv", "Conv", "features.0"),
        ("/layer1/layer1.0/conv2/Conv_3", "Conv", "layer1.0.conv2"),
        (
            "StatefulPartitionedCall/model/dense/MatMul",
            "MatMul",
            "StatefulPartitionedCall.model.dense",
        ),
        ("Conv_12", "Conv", "Conv_12"),
        ("", "Relu", "out"),
    ],
)
def test_path_of(name, kind, path) -> None:
    assert path_of(onnx.helper.make_node(kind, ["x"], ["out"], name=name)) == path


def test_a_refusal_names_the_node(tmp_path) -> None:
    """In the front end, too."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(144, 5))
    path = export(model, torch.rand(2, 1, 8, 8), tmp_path / "net.onnx", dynamo=True)
    with pytest.raises(BitrainError, match=r"^Gelu \(1\): the accelerator has no such activation"):
        read_model(load_onnx(path, Shape(1, 8, 8)), (1, 8, 8), torch.rand(8, 1, 8, 8))


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_a_fixed_batch(batch, tmp_path) -> None:
    """The size that a graph was written for may be said by its input, or by its shapes alone."""
    net = Writer(batch, 1, 8, 8)
    x = net.add("Reshape", net.add("Conv", "images", net.weights(4, 1, 3, 3)), net.whole(batch, -1))
    path = net.save(tmp_path / "net.onnx", net.add("Gemm", x, net.weights(144, 10)))
    said = load_onnx(path, Shape(1, 8, 8))
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.save(model, path)
    found = load_onnx(path, Shape(1, 8, 8))
    images = torch.rand(10, 1, 8, 8)
    assert said.batch == found.batch == batch
    with torch.no_grad():
        assert found(images).shape == (10, 10)
        assert torch.equal(said(images), found(images))
    assert len(read_model(found, (1, 8, 8), images).chain) == 2


def test_any_batch(tmp_path) -> None:
    """Shapes that are computed from it."""
    net = Writer("N", 1, 8, 8)
    x = net.add("Conv", "images", net.weights(4, 1, 3, 3))
    first = net.add("Gather", net.add("Shape", x), net.constant(0, np.int64))
    shape = net.add("Concat", net.add("Unsqueeze", first, net.whole(0)), net.whole(144), axis=0)
    x = net.add("Gemm", net.add("Reshape", x, shape), net.weights(144, 10))
    module = load_onnx(net.save(tmp_path / "net.onnx", x), Shape(1, 8, 8))
    assert module.batch is None
    with torch.no_grad():
        assert module(torch.rand(3, 1, 8, 8)).shape == (3, 10)


def test_another_reading_is_found(tmp_path, monkeypatch) -> None:
    """What our functions give is not taken for what the file says."""
    net = Writer("N", 1, 8, 8)
    x = net.add("LeakyRelu", net.add("Conv", "images", net.weights(4, 1, 3, 3)), alpha=0.2)
    path = net.save(tmp_path / "net.onnx", net.add("Flatten", x))
    load_onnx(path, Shape(1, 8, 8))
    wrong = {"LeakyRelu": lambda _options, x: nn.functional.leaky_relu(x, 0.21)}
    monkeypatch.setattr("bitrain.models.onnx.module.OPERATORS", {**OPERATORS, **wrong})
    with pytest.raises(
        BitrainError, match=r"net\.onnx: .* gives other scores than .*please report"
    ):
        load_onnx(path, Shape(1, 8, 8))


def test_weights_are_in_the_file(tmp_path) -> None:
    path = export(Net(), torch.rand(2, 1, 8, 8), tmp_path / "net.onnx", dynamo=False)
    with pytest.raises(BitrainError, match="a program holds its weights; leave them out"):
        load_weights(load_onnx(path, Shape(1, 8, 8)), "weights.safetensors")


def test_another_stride_is_another_model(tmp_path) -> None:
    """Its digest is, by which runs know their models again: the weights alone would not say so."""
    digests = set()
    for pads in ([0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1]):
        net = Writer("N", 1, 8, 8)
        x = net.add("Conv", "images", net.weights(4, 1, 3, 3), strides=[2, 2], pads=pads)
        path = net.save(tmp_path / "net.onnx", net.add("GlobalMaxPool", x))
        model = onnx.load(path)
        model.graph.output[0].type.tensor_type.shape.dim.add(dim_value=1)
        model.graph.output[0].type.tensor_type.shape.dim.add(dim_value=1)
        onnx.save(model, path)
        digests.add(model_digest(load_onnx(path, Shape(1, 8, 8))))
    assert len(digests) == 3


def test_by_name(tmp_path) -> None:
    """As any model; without the package, the command line says how to get it."""
    path = export(Net(), torch.rand(2, 1, 8, 8), tmp_path / "net.onnx", dynamo=False)
    model = create_model(str(path), Shape(1, 8, 8), 10)
    assert model(torch.rand(2, 1, 8, 8)).shape == (2, 10)
