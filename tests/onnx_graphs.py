"""ONNX files for tests: written by torch's exporters, by hand, and as Keras writes them."""

import contextlib
import io
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from torch import Tensor, nn

TOLERANCE = 1e-4
"""Largest difference of scores, as a share of the largest."""


def export(
    model: nn.Module, images: Tensor, path: Path, *, dynamo: bool, opset: int | None = None
) -> Path:
    """``model`` as one of torch's exporters writes it, for any number of images."""
    options: dict[str, Any] = {"input_names": ["images"], "dynamic_axes": {"images": {0: "batch"}}}
    if dynamo:
        options = {"dynamic_shapes": ({0: "batch"},), "external_data": False}
    before = logging.root.manager.disable
    logging.disable()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                model, (images,), str(path), dynamo=dynamo, opset_version=opset, **options
            )
    finally:
        logging.disable(before)
    return path


def runtime_scores(path: Path, images: np.ndarray) -> Tensor:
    """What onnxruntime gives for the file as it is; ONNX's reference where that refuses it."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    fed = {session.get_inputs()[0].name: images}
    try:
        (found,) = session.run(None, fed)
    except InvalidArgument:  # of its optimiser
        (found,) = ReferenceEvaluator(str(path)).run(None, fed)
    return torch.from_numpy(np.asarray(found))


class Writer:
    """A graph, node by node; values are called by their numbers."""

    def __init__(self, *shape: int | str, kind: int = TensorProto.FLOAT, seed: int = 0):
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []
        self.image = helper.make_tensor_value_info("images", kind, shape)

    def constant(self, value: Any, kind: Any = np.float32) -> str:
        """An initialiser."""
        name = f"constant{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def weights(self, *shape: int) -> str:
        """Drawn as He et al. do."""
        fan = int(np.prod(shape[1:] if len(shape) > 2 else shape[:1]))
        return self.constant(self.random.normal(0, np.sqrt(2 / fan), shape))

    def vector(self, size: int, centre: float = 0.0, spread: float = 0.1) -> str:
        """A number for each channel."""
        return self.constant(self.random.normal(centre, spread, size))

    def add(self, kind: str, *inputs: str, **options: Any) -> str:
        """A node; gives the name of what it gives."""
        return self.several(kind, 1, *inputs, **options)[0]

    def several(self, kind: str, outputs: int, *inputs: str, **options: Any) -> list[str]:
        """A node of several outputs."""
        names = [f"{kind.lower()}{len(self.nodes)}.{i}" for i in range(outputs)]
        name = f"net/{kind.lower()}_{len(self.nodes)}/{kind}"
        self.nodes.append(helper.make_node(kind, inputs, names, name=name, **options))
        return names

    def whole(self, *values: int) -> str:
        """Whole numbers: shapes, axes, pads."""
        return self.constant(values, np.int64)

    def model(
        self, output: str | Sequence[str], opset: int = 17, **domains: int
    ) -> onnx.ModelProto:
        """The file."""
        outputs = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", "classes"])
            for name in ([output] if isinstance(output, str) else output)
        ]
        graph = helper.make_graph(self.nodes, "net", [self.image], outputs, self.tensors)
        sets = [helper.make_opsetid("", opset)]
        sets += [helper.make_opsetid(name, version) for name, version in domains.items()]
        return helper.make_model(graph, opset_imports=sets, ir_version=8)

    def save(self, path: Path, output: str, opset: int = 17, **domains: int) -> Path:
        """Write it."""
        onnx.save(self.model(output, opset, **domains), path)
        return path

    # As Keras: channels come last, and each operator of ONNX stands between transpositions.

    def channels_first(self, x: str) -> str:
        """From (rows, columns, channels)."""
        return self.add("Transpose", x, perm=[0, 3, 1, 2])

    def channels_last(self, x: str) -> str:
        """Back."""
        return self.add("Transpose", x, perm=[0, 2, 3, 1])

    def keras_conv(self, x: str, before: int, after: int, size: int = 3, **options: Any) -> str:
        """A convolution, and a bias that is added to the last dimension."""
        groups = options.get("group", 1)
        weight = self.weights(after, before // groups, size, size)
        options = {"auto_pad": "SAME_UPPER", "kernel_shape": [size, size], **options}
        conv = self.channels_last(self.add("Conv", self.channels_first(x), weight, **options))
        return self.add("Add", conv, self.vector(after))

    def keras_norm(self, x: str, channels: int) -> str:
        """Batch norm as Keras folds it: a product and a sum."""
        scaled = self.add("Mul", x, self.vector(channels, 1.0))
        return self.add("Add", scaled, self.vector(channels))

    def keras_pool(self, x: str, kind: str = "MaxPool", size: int = 2, **options: Any) -> str:
        """Of windows that do not overlap."""
        options = {"kernel_shape": [size, size], "strides": [size, size], **options}
        return self.channels_last(self.add(kind, self.channels_first(x), **options))

    def keras_dense(self, x: str, before: int, after: int) -> str:
        """A linear layer."""
        product = self.add("MatMul", x, self.weights(before, after))
        return self.add("Add", product, self.vector(after))


def keras_lenet(path: Path) -> Path:
    """Convolutions without padding, average pooling, flattened with channels last, softmax."""
    net = Writer("N", 28, 28, 1)
    x = net.add("Relu", net.keras_conv("images", 1, 6, 5, auto_pad="VALID"))
    x = net.keras_pool(x, "AveragePool")
    x = net.keras_pool(net.add("Relu", net.keras_conv(x, 6, 16, 5, auto_pad="VALID")))
    x = net.add("Reshape", x, net.whole(-1, 256))
    x = net.add("Relu", net.keras_dense(x, 256, 40))
    return net.save(path, net.add("Softmax", net.keras_dense(x, 40, 10), axis=-1))


def keras_mobilenet(path: Path) -> Path:
    """Strides with uneven margins, depthwise layers, folded batch norm, ReLU6, a global mean."""
    net = Writer("N", 32, 32, 3)
    low, high = net.constant(0.0), net.constant(6.0)
    x = net.keras_norm(net.keras_conv("images", 3, 8, strides=[2, 2]), 8)
    for stride, before, after in ((1, 8, 16), (2, 16, 24)):
        x = net.add("Clip", x, low, high)
        x = net.keras_conv(x, before, before, group=before, strides=[stride, stride])
        x = net.add("Clip", net.keras_norm(x, before), low, high)
        x = net.keras_norm(net.keras_conv(x, before, after, 1), after)
    x = net.add("ReduceMean", net.add("Relu", x), axes=[1, 2], keepdims=0)
    return net.save(path, net.keras_dense(x, 24, 10))


def keras_inception(path: Path) -> Path:
    """Branches side by side along the last dimension, padded pooling, dropout."""
    net = Writer("N", 16, 16, 3)
    x = net.add("Relu", net.keras_conv("images", 3, 8))
    branches = [
        net.add("Relu", net.keras_conv(x, 8, 4, 1)),
        net.add("Relu", net.keras_conv(net.add("Relu", net.keras_conv(x, 8, 4, 1)), 4, 6)),
        net.keras_pool(x, size=3, strides=[1, 1], auto_pad="SAME_UPPER"),
    ]
    x = net.keras_pool(net.add("Concat", *branches, axis=3))
    x = net.add("Dropout", net.add("Relu", net.keras_conv(x, 18, 12)))
    x = net.add("GlobalAveragePool", net.channels_first(x))
    x = net.add("Squeeze", x, net.whole(2, 3))
    return net.save(path, net.keras_dense(x, 12, 10), opset=13)


def keras_resnet(path: Path) -> Path:
    """Zeros around a map as a node of their own, sums of maps, a projection."""
    net = Writer("N", 16, 16, 3)
    x = net.add("Pad", "images", net.whole(0, 1, 1, 0, 0, 1, 1, 0))
    x = net.add("Relu", net.keras_norm(net.keras_conv(x, 3, 8, auto_pad="VALID"), 8))
    for before, after, stride in ((8, 8, 1), (8, 16, 2)):
        y = net.add(
            "Relu", net.keras_norm(net.keras_conv(x, before, after, strides=[stride] * 2), after)
        )
        y = net.keras_norm(net.keras_conv(y, after, after), after)
        if before != after:
            x = net.keras_conv(x, before, after, 1, strides=[stride] * 2)
        x = net.add("Relu", net.add("Add", y, x))
    x = net.add("ReduceMean", x, net.whole(1, 2), keepdims=0)
    return net.save(path, net.keras_dense(x, 16, 10), opset=18)


def keras_normalized(path: Path) -> Path:
    """Mean and deviation as nodes, LeakyReLU, a shape that is computed from the batch's size."""
    net = Writer("N", 16, 16, 3)
    x = net.add("Sub", "images", net.constant([0.48, 0.45, 0.4]))
    x = net.add("Div", x, net.constant([0.23, 0.22, 0.23]))
    x = net.add(
        "LeakyRelu", net.keras_conv(x, 3, 8, strides=[2, 2], kernel_shape=[3, 3]), alpha=0.3
    )
    x = net.keras_pool(net.keras_conv(x, 8, 8), "AveragePool")
    first = net.add("Slice", net.add("Shape", x), net.whole(0), net.whole(1), net.whole(0))
    shape = net.add("Concat", first, net.whole(128), axis=0)
    x = net.add("Relu", net.keras_dense(net.add("Reshape", x, shape), 128, 20))
    return net.save(path, net.keras_dense(x, 20, 10))


KERAS = {
    "keras_lenet": (keras_lenet, (1, 28, 28)),
    "keras_mobilenet": (keras_mobilenet, (3, 32, 32)),
    "keras_inception": (keras_inception, (3, 16, 16)),
    "keras_resnet": (keras_resnet, (3, 16, 16)),
    "keras_normalized": (keras_normalized, (3, 16, 16)),
}
"""Functions that write a file, and the shape of its images."""
