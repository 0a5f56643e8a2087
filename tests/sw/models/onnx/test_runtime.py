"""Runtimes that say what a file gives."""

import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto
from onnx_graphs import Writer

from bitrain.models.onnx import load_onnx
from bitrain.models.onnx.file import Image
from bitrain.models.onnx.folding import Folded
from bitrain.models.onnx.runtime import Runtime
from bitrain.spec import BitrainError, Shape


def folded(kind: str = "Relu", elements: int = TensorProto.FLOAT) -> Folded:
    """A graph of one operator."""
    net = Writer("N", 4, kind=elements)
    output = net.add(kind, "images")
    model = net.model(output)
    model.graph.output[0].type.tensor_type.elem_type = elements
    return Folded(model, 17, Image("images", (4,), None, elements), output, [], Path("net.onnx"))


IMAGES = np.array([[-1, 0, 0.5, 1]], np.float32)


def test_onnxruntime_and_the_reference(monkeypatch) -> None:
    """The second where the first is not installed."""
    first = Runtime(folded())
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    second = Runtime(folded())
    assert [first.name, second.name] == ["onnxruntime", "ONNX's reference"]
    for runtime in (first, second):
        assert runtime.scores(IMAGES).tolist() == [[0, 0, 0.5, 1]]


def test_what_onnxruntime_refuses(tmp_path) -> None:
    """Dilated windows with automatic margins are left to the reference."""
    net = Writer("N", 1, 9, 9)
    options = {"auto_pad": "SAME_UPPER", "dilations": [2, 2]}
    x = net.add("Flatten", net.add("Conv", "images", net.weights(4, 1, 3, 3), **options))
    assert load_onnx(net.save(tmp_path / "net.onnx", x), Shape(1, 9, 9)).batch is None


def test_doubles() -> None:
    assert Runtime(folded(elements=TensorProto.DOUBLE)).scores(IMAGES).dtype == np.float64


def test_what_none_can_run() -> None:
    with pytest.raises(BitrainError, match=r"^model net\.onnx: no runtime can run it \(.*\); exp"):
        Runtime(folded("Hotplate")).scores(IMAGES)
