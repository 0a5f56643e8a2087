"""ONNX's operators in torch's functions, against a runtime, in all versions of their attributes."""

from collections.abc import Callable

import numpy as np
import pytest
from onnx_graphs import Writer

from bitrain.models.onnx import load_onnx
from bitrain.models.onnx.operators import FIXED, OPERATORS, REFUSED
from bitrain.spec import Shape

OPSETS = range(11, 22)


def by_axes(
    net: Writer, kind: str, x: str, axes: list[int], *, are_input: bool, **options: int
) -> str:
    """An operator whose axes were an attribute at first, and an input later."""
    if not are_input:
        return net.add(kind, x, axes=axes, **options)
    return net.add(kind, x, net.whole(*axes), **options)


@pytest.mark.parametrize("opset", OPSETS)
def test_every_version(opset, tmp_path) -> None:
    """One network with all operators that changed; reading it compares it with a runtime."""
    net = Writer("N", 2, 9, 8)
    x = net.add("Conv", "images", net.weights(6, 2, 3, 3), net.vector(6), pads=[1, 1, 1, 1])
    norm = [net.vector(6, 1.0), net.vector(6), net.vector(6), net.constant(np.full(6, 0.8))]
    x = net.add("Relu", net.add("BatchNormalization", x, *norm))
    x = net.add("Clip", x, "", net.constant(1.5))
    x = net.add("Pad", x, net.whole(0, 0, 1, 0, 0, 0, 0, 2), net.constant(0.0))
    if opset < 13:
        first, second = net.several("Split", 2, x, axis=1, split=[4, 2])
    else:
        first, second = net.several("Split", 2, x, net.whole(4, 2), axis=1)
    x = net.add("Concat", second, first, axis=-3)
    x = net.add("Slice", x, net.whole(1, -1), net.whole(10, -12), net.whole(2, 3), net.whole(1, -1))
    x = by_axes(net, "Unsqueeze", x, [1, 5], are_input=opset >= 13)
    x = by_axes(net, "Squeeze", x, [-1, 1], are_input=opset >= 13)
    x = net.add("Dropout", net.add("MaxPool", x, kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1))
    x = net.add("Transpose", net.add("Reshape", x, net.whole(0, 6, -1)), perm=[0, 2, 1])
    x = net.add("MatMul", x, net.weights(6, 5))
    x = net.add("Add", net.add("Sum", x, net.vector(5), net.vector(5)), net.vector(5))
    means = by_axes(net, "ReduceMean", x, [1], are_input=opset >= 18, keepdims=0)
    largest = by_axes(net, "ReduceMax", x, [1], are_input=opset >= 18, keepdims=0)
    total = by_axes(net, "ReduceSum", x, [1], are_input=opset >= 13, keepdims=0)
    x = net.add("Concat", means, largest, total, axis=1)
    x = net.add("Gemm", x, net.weights(10, 15), net.vector(10), transB=1, alpha=0.5, beta=2.0)
    path = net.save(tmp_path / "net.onnx", net.add("LogSoftmax", x), opset)
    assert load_onnx(path, Shape(2, 9, 8)).folded.opset == opset


WINDOWS = [
    {"pads": [1, 1, 1, 1]},
    {"pads": [0, 0, 1, 1], "strides": [2, 2]},
    {"pads": [1, 0, 0, 1], "strides": [1, 2]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER", "strides": [2, 1]},
    {"auto_pad": "VALID"},
]


@pytest.mark.parametrize("kind", ["Conv", "MaxPool", "AveragePool"])
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("window", WINDOWS)
def test_windows(kind, size, window, tmp_path) -> None:
    net = Writer("N", 2, 9, 10)
    options = {"kernel_shape": [size, size], **window}
    if kind == "Conv":
        x = net.add("Conv", "images", net.weights(4, 1, size, size), group=2, **options)
    elif kind == "AveragePool":
        uneven = options.get("pads", [0] * 4)[:2] != options.get("pads", [0] * 4)[2:]
        counts = int(uneven or "SAME" in options.get("auto_pad", ""))
        x = net.add(kind, "images", count_include_pad=counts, **options)
    else:
        x = net.add(kind, "images", **options)
    load_onnx(net.save(tmp_path / "net.onnx", net.add("Flatten", x)), Shape(2, 9, 10))


@pytest.mark.parametrize("gap", [1, 2])
@pytest.mark.parametrize("opset", [11, 21])
def test_signals(gap, opset, tmp_path) -> None:
    net = Writer("N", 2, 40)
    x = net.add("Conv", "images", net.weights(4, 2, 5), dilations=[gap], pads=[gap, 3])
    x = net.add(
        "AveragePool", net.add("MaxPool", x, kernel_shape=[2]), kernel_shape=[3], strides=[2]
    )
    path = net.save(tmp_path / "net.onnx", net.add("Flatten", x), opset)
    load_onnx(path, Shape(2, 1, 40))


UNARY = {
    "Relu": {},
    "LeakyRelu": {"alpha": 0.3},
    "Elu": {"alpha": 0.7},
    "Celu": {"alpha": 0.7},
    "Selu": {},
    "Erf": {},
    "Sigmoid": {},
    "HardSigmoid": {"alpha": 0.3, "beta": 0.4},
    "HardSwish": {},
    "Tanh": {},
    "Softplus": {},
    "ThresholdedRelu": {"alpha": 0.4},
    "Mish": {},
    "Gelu": {"approximate": "tanh"},
    "Neg": {},
    "Identity": {},
    "GlobalMaxPool": {},
    "GlobalAveragePool": {},
    "DepthToSpace": {"blocksize": 2, "mode": "CRD"},
    "SpaceToDepth": {"blocksize": 2},
    "Softmax": {"axis": 1},
}


@pytest.mark.parametrize("kind", UNARY)
def test_of_one_map(kind, tmp_path) -> None:
    net = Writer("N", 4, 6, 6)
    x = net.add(
        kind, net.add("Conv", "images", net.weights(8, 4, 3, 3), pads=[1] * 4), **UNARY[kind]
    )
    opset = 20 if kind in ("Gelu", "Mish") else 17
    load_onnx(net.save(tmp_path / "net.onnx", net.add("Flatten", x), opset), Shape(4, 6, 6))


OTHERS: dict[str, Callable[[Writer, str], str]] = {
    "Where": lambda n, x: n.add("Where", n.add("Greater", x, n.constant(0.2)), x, n.constant(0.1)),
    "Pow": lambda n, x: n.add("Pow", x, n.constant(3.0)),
    "PRelu": lambda n, x: n.add("PRelu", x, n.constant([[[0.1]], [[0.2]], [[0.3]], [[-0.4]]])),
    "Sub": lambda n, x: n.add("Sub", n.constant(np.full((4, 1, 1), 0.3)), x),
    "Mul": lambda n, x: n.add("Mul", n.add("Div", x, n.constant(0.3)), x),
    "Max": lambda n, x: n.add(
        "Max", n.add("Min", x, n.constant(0.4)), n.constant(-0.2), n.add("Neg", x)
    ),
    "Mean": lambda n, x: n.add("Mean", x, n.add("Relu", x)),
    "CastLike": lambda n, x: n.add("CastLike", n.add("Cast", x, to=11), n.constant(0.0)),
    "ArgMax": lambda n, x: n.add("Cast", n.add("ArgMax", x, axis=1), to=1),
    "DepthToSpace": lambda n, x: n.add("DepthToSpace", x, blocksize=2),
    "Expand": lambda n, x: n.add("Expand", n.add("GlobalMaxPool", x), n.whole(1, 4, 3, 3)),
    "Tile": lambda n, x: n.add("Tile", x, n.whole(1, 2, 1, 1)),
    "Gather": lambda n, x: n.add("Gather", x, n.whole(2, -4, 1), axis=1),
    "Gather one": lambda n, x: n.add("Gather", x, n.constant(-1, np.int64), axis=2),
    "Pad, reflected": lambda n, x: n.add("Pad", x, n.whole(0, 0, 1, 1, 0, 0, 1, 0), mode="reflect"),
    "Pad, copied": lambda n, x: n.add("Pad", x, n.whole(0, 0, 1, 1, 0, 0, 1, 0), mode="edge"),
    "Pad of an axis": lambda n, x: n.add("Pad", x, n.whole(2, 1), n.constant(0.5), n.whole(-1)),
    "ReduceMax": lambda n, x: n.add("Unsqueeze", n.add("ReduceMax", x, keepdims=0), n.whole(0)),
    "ReduceSum": lambda n, x: n.add("ReduceSum", x, noop_with_empty_axes=1),
    "Slice, backwards": lambda n, x: n.add(
        "Slice", x, n.whole(-1), n.whole(-100), n.whole(2), n.whole(-2)
    ),
    "Slice to the end": lambda n, x: n.add("Slice", x, n.whole(-2), n.whole(2**63 - 1), n.whole(3)),
    "Size": lambda n, x: n.add("Mul", x, n.add("Cast", n.add("Size", x), to=1)),
    "Shape": lambda n, x: n.add(
        "Reshape",
        x,
        n.add("Concat", n.whole(-1), n.add("Shape", x, start=1, end=2), n.whole(36), axis=0),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_of_several(name, tmp_path) -> None:
    net = Writer(4, 4, 6, 6)
    x = net.add("Conv", "images", net.weights(4, 4, 3, 3), pads=[1] * 4)
    x = net.add("Flatten", OTHERS[name](net, x))
    load_onnx(net.save(tmp_path / "net.onnx", x, opset=18), Shape(4, 6, 6))


def test_tables_do_not_overlap() -> None:
    assert not OPERATORS.keys() & REFUSED.keys()
    assert FIXED.keys() <= OPERATORS.keys()
