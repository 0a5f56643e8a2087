"""What does not depend on the image is computed once."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx_graphs import Writer

from bitrain.models.onnx.file import Image, names_of, read_image, read_output
from bitrain.models.onnx.folding import Folded, attributes, fold
from bitrain.spec import BitrainError

PATH = Path("net.onnx")


def folded(net: Writer, output: str, opset: int = 17) -> Folded:
    """As ``load_onnx`` folds."""
    model = net.model(output, opset)
    return fold(model, PATH, read_image(model.graph, PATH), read_output(model.graph, PATH))


def test_constants() -> None:
    """Weights that nodes make are weights of the file; what nobody reads is gone."""
    net = Writer("N", 1, 8, 8)
    weight = net.add(
        "Transpose", net.constant(np.arange(36).reshape(3, 3, 1, 4)), perm=[3, 2, 0, 1]
    )
    weight = net.add("Mul", weight, net.add("Constant", value_float=0.5))
    net.add("Relu", "images")
    found = folded(net, net.add("Flatten", net.add("Conv", "images", weight)))
    assert [node.op_type for node in found.model.graph.node] == ["Conv", "Flatten"]
    (tensor,) = found.model.graph.initializer
    wanted = 0.5 * np.arange(36).reshape(3, 3, 1, 4).transpose(3, 2, 0, 1)
    assert np.array_equal(numpy_helper.to_array(tensor), wanted)
    onnx.checker.check_model(found.model)


def test_sizes_of_the_batch_are_no_constants() -> None:
    net = Writer("N", 1, 8, 8)
    shape = net.add("Concat", net.add("Shape", "images", end=1), net.whole(64), axis=0)
    found = folded(net, net.add("Reshape", "images", shape))
    kinds = [node.op_type for node in found.model.graph.node]
    assert kinds == ["Shape", "Concat", "Reshape"]


def test_initialisers_that_are_inputs_too() -> None:
    """As older files have them."""
    net = Writer("N", 1, 8, 8)
    model = net.model(net.add("Flatten", net.add("Conv", "images", net.weights(4, 1, 3, 3))))
    value = helper.make_tensor_value_info("constant0", onnx.TensorProto.FLOAT, [4, 1, 3, 3])
    model.graph.input.append(value)
    image = read_image(model.graph, PATH)
    assert image == Image("images", (1, 8, 8), None, onnx.TensorProto.FLOAT)
    found = fold(model, PATH, image, read_output(model.graph, PATH))
    assert [each.name for each in found.model.graph.input] == ["images"]


def test_a_branch_that_is_known() -> None:
    """Of a condition that is constant, with constants of the graph around it."""
    net = Writer("N", 4)
    scale, other = net.constant(2.0), net.constant(3.0)
    branches = [
        helper.make_graph(
            [helper.make_node("Identity", [name], ["chosen"])],
            "branch",
            [],
            [helper.make_tensor_value_info("chosen", onnx.TensorProto.FLOAT, [])],
        )
        for name in (scale, other)
    ]
    go = net.constant(False, np.bool_)
    chosen = net.add("If", go, then_branch=branches[0], else_branch=branches[1])
    found = folded(net, net.add("Mul", "images", chosen))
    (tensor,) = found.model.graph.initializer
    assert numpy_helper.to_array(tensor) == 3


def test_names_of_values_within_a_branch() -> None:
    body = helper.make_graph(
        [helper.make_node("Add", ["outer", "inner"], ["sum"])],
        "body",
        [],
        [helper.make_tensor_value_info("sum", onnx.TensorProto.FLOAT, [])],
        [numpy_helper.from_array(np.array(1, np.float32), "inner")],
    )
    node = helper.make_node("If", ["go"], ["y"], then_branch=body, else_branch=body)
    assert names_of(node) == ["go", "outer", "outer"]


def test_what_cannot_be_computed() -> None:
    net = Writer("N", 4)
    weight = net.add("MatMul", net.constant(np.ones((2, 3))), net.constant(np.ones((2, 3))))
    with pytest.raises(BitrainError, match=r"^model net\.onnx: MatMul \(.*\) cannot be computed"):
        folded(net, net.add("Add", "images", weight))


def test_attributes_have_the_defaults_of_their_version() -> None:
    node = helper.make_node("Softmax", ["x"], ["y"])
    assert [attributes(node, opset)["axis"] for opset in (11, 13)] == [1, -1]
    given = helper.make_node("Conv", ["x", "w"], ["y"], strides=[2, 2])
    assert attributes(given, 17) == {"group": 1, "auto_pad": b"NOTSET", "strides": [2, 2]}
