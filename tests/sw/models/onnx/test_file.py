"""Files that are broken, and networks that no accelerator can be made of: one line each."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx_graphs import Writer

from bitrain.models.onnx import load_onnx
from bitrain.models.onnx.file import CHANNELS_FIRST, CHANNELS_LAST, Image
from bitrain.spec import BitrainError, Shape

SHAPE = Shape(1, 8, 8)


def _net(of: Callable[[Writer, str], str], *, opset: int = 17, domain: str = "") -> bytes:
    """A convolution, what ``of`` makes of its map, and scores."""
    net = Writer("N", 1, 8, 8)
    x = of(net, net.add("Relu", net.add("Conv", "images", net.weights(4, 1, 3, 3))))
    x = net.add("Gemm", net.add("Flatten", x), net.weights(144, 10))
    return net.model(x, opset, **{domain: 1} if domain else {}).SerializeToString()


def _plain(*shape: int | str, kind: int = TensorProto.FLOAT) -> bytes:
    net = Writer(*shape, kind=kind)
    x = net.add("Cast", "images", to=TensorProto.FLOAT)
    return net.model(net.add("Flatten", x)).SerializeToString()


def _edited(change: Callable[[onnx.ModelProto], None]) -> bytes:
    """A good file, changed."""
    model = onnx.ModelProto.FromString(_net(lambda _, x: x))
    change(model)
    return model.SerializeToString()


def _two_inputs(model: onnx.ModelProto) -> None:
    value = helper.make_tensor_value_info("lengths", TensorProto.FLOAT, ["N", 10])
    model.graph.input.append(value)
    model.graph.node.append(helper.make_node("Add", [model.graph.output[0].name, "lengths"], ["y"]))
    model.graph.output[0].name = "y"


def _two_outputs(model: onnx.ModelProto) -> None:
    value = helper.make_tensor_value_info("relu1.0", TensorProto.FLOAT, ["N", 4, 6, 6])
    model.graph.output.append(value)


def _without_tensor(model: onnx.ModelProto) -> None:
    del model.graph.initializer[0]


def _not_finite(model: onnx.ModelProto) -> None:
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0]).copy()
    weight[0, 0, 0, 0] = np.nan
    tensor = onnx.numpy_helper.from_array(weight, model.graph.initializer[0].name)
    model.graph.initializer[0].CopyFrom(tensor)


def _lost_data(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.data")


def _no_opset(model: onnx.ModelProto) -> None:
    del model.opset_import[:]


def _twice(model: onnx.ModelProto) -> None:
    model.graph.node[1].output[0] = model.graph.node[0].output[0]


def _looped(net: Writer, x: str) -> str:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Relu", ["v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w", TensorProto.FLOAT, None),
        ],
    )
    return net.add("Loop", net.constant(3, np.int64), net.constant(True, np.bool_), x, body=body)


def _quant(net: Writer, x: str, *numbers: float, kind: str = "Quant") -> str:
    return net.add(kind, x, *map(net.constant, numbers), domain=QONNX)


QONNX = "qonnx.custom_op.general"
GOOD = _net(lambda _, x: x)
FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", r"not an ONNX file, or one without a network; export it"),
    "text": (b"a network", r"not an ONNX file, or one without a network; export it"),
    "zip": (b"PK\x03\x04" + bytes(60), r"not an ONNX file, or a damaged one; export"),
    "cut": (GOOD[: len(GOOD) // 2], r"not an ONNX file, or a damaged one; export"),
    "lost_data": (_edited(_lost_data), r"weights\.data.*belong beside it"),
    "lost_tensor": (_edited(_without_tensor), r"not valid ONNX \(.*constant0.*export"),
    "twice": (_edited(_twice), r"not valid ONNX \(.*export"),
    "no_opset": (_edited(_no_opset), r"not valid ONNX \(.*export"),
    "opset_7": (_net(lambda _, x: x, opset=7), r"opset 7; expected 11 to \d+; .*convert_version"),
    "opset_99": (_net(lambda _, x: x, opset=99), r"opset 99; expected 11 to \d+; "),
    "no_operator": (_net(lambda n, x: n.add("Rlue", x)), r"not valid ONNX \(.*Rlue.*export"),
    "two_inputs": (_edited(_two_inputs), r"reads 2 inputs \(images, lengths\); expected one"),
    "two_outputs": (_edited(_two_outputs), r"gives 2 outputs \(.*, relu1\.0\); keep the scores"),
    "not_finite": (_edited(_not_finite), r"values that are not finite; train it again"),
    "whole_numbers": (_plain("N", 1, 8, 8, kind=TensorProto.UINT8), r"images is uint8; expected"),
    "halves": (_plain("N", 1, 8, 8, kind=TensorProto.FLOAT16), r"is float16; expected float32"),
    "any_size": (_plain("N", 1, "h", "w"), r"is N x 1 x h x w; only the batch may be of any size"),
    "other_size": (_plain("N", 3, 32, 32), r"reads images of 3 x 32 x 32; .* are 1 x 8 x 8"),
    "a_number": (_plain("N"), r"images has no shape of a batch of images; export it with one"),
    "lstm": (
        _net(lambda n, x: n.add("LSTM", x, *[n.weights(1, 4, 4)] * 2, hidden_size=1)),
        r"LSTM \(net/lstm_2/LSTM\): each of its steps reads what the one before gives; recast",
    ),
    "loop": (_net(_looped), r"Loop \(net/loop_2/Loop\): .*must not depend on the image; recast"),
    "larger": (
        _net(lambda n, x: n.add("Resize", x, "", n.constant([1, 1, 1, 1]))),
        r"Resize \(.*\): maps only become smaller on the accelerator; recast",
    ),
    "transposed": (
        _net(lambda n, x: n.add("ConvTranspose", x, n.weights(4, 4, 1, 1))),
        r"ConvTranspose \(.*\): maps only become smaller",
    ),
    "layer_norm": (
        _net(lambda n, x: n.add("LayerNormalization", x, n.vector(6))),
        r"LayerNormalization \(.*\): it divides by what is of each image",
    ),
    "einsum": (
        _net(lambda n, x: n.add("Einsum", x, x, equation="nchw,nchw->nchw")),
        r"Einsum \(.*\): it may multiply two activations",
    ),
    "square_root": (_net(lambda n, x: n.add("Sqrt", x)), r"Sqrt \(.*\): it is not supported; rec"),
    "volumes": (
        _net(
            lambda n, x: n.add(
                "Unsqueeze",
                n.add("MaxPool", n.add("Unsqueeze", x, n.whole(1)), kernel_shape=[1, 1, 1]),
                n.whole(1),
            )
        ),
        r"MaxPool \(.*\): pooling of 3 dimensions",
    ),
    "moving_places": (
        _net(lambda n, x: n.add("Gather", x, n.add("ArgMax", x, axis=1))),
        r"Gather \(.*\): its input 1 \(argmax2\.0\) depends on the image; recast",
    ),
    "other_shapes": (
        _net(lambda n, x: n.add("Reshape", x, n.whole(-1, 7))),
        r"Reshape \(net/reshape_2/Reshape\): does not fit what it reads: .*; export it again",
    ),
    "foreign_operators": (
        _net(lambda n, x: n.add("FusedConv", x, domain="com.microsoft"), domain="com.microsoft"),
        r"FusedConv \(.*\) is of the operators of 'com\.microsoft', which are not read; export",
    ),
    "integer_operators": (
        _net(lambda n, x: n.add("QLinearAdd", x, domain="com.microsoft"), domain="com.microsoft"),
        r"QLinearAdd \(.*\) is of .*'com\.microsoft'.*; quantise to QuantizeLinear and Dequant",
    ),
    "two_values": (
        _net(lambda n, x: _quant(n, x, 0.1, kind="BipolarQuant"), domain=QONNX),
        r"BipolarQuant \(.*\): the accelerator has no activation of two values; train",
    ),
    "half_a_bit": (
        _net(lambda n, x: _quant(n, x, 0.1, 0.0, 2.5), domain=QONNX),
        r"Quant \(.*\): bit width 2\.5; expected one whole number of 1 to 32",
    ),
    "moving_scale": (
        _net(
            lambda n, x: n.add(
                "Quant", x, n.add("ReduceMax", x), *map(n.constant, (0.0, 4.0)), domain=QONNX
            ),
            domain=QONNX,
        ),
        r"Quant \(.*\): its scale depends on the image; expected a constant",
    ),
    "by_chance": (
        _net(lambda n, x: n.add("Add", x, n.add("RandomNormal", shape=[1, 4, 6, 6]))),
        r"RandomNormal \(.*\): it depends on chance",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_refusal_is_one_line(name, tmp_path) -> None:
    """It names the file, what is wrong, and what to do."""
    contents, message = FILES[name]
    path = tmp_path / "net.onnx"
    path.write_bytes(contents)
    with pytest.raises(BitrainError, match=rf"^model {path}: .*{message}") as refused:
        load_onnx(path, SHAPE)
    assert "\n" not in str(refused.value)


def test_no_file(tmp_path) -> None:
    with pytest.raises(BitrainError, match=r"net\.onnx: no such file$"):
        load_onnx(tmp_path / "net.onnx", SHAPE)


def test_the_good_file(tmp_path) -> None:
    """That the broken ones were made of."""
    path = tmp_path / "net.onnx"
    path.write_bytes(GOOD)
    assert load_onnx(path, SHAPE).batch is None


@pytest.mark.parametrize(
    ("shape", "in_shape", "order"),
    [
        ((1, 28, 28), (1, 28, 28), CHANNELS_FIRST),
        ((28, 28, 1), (1, 28, 28), CHANNELS_LAST),
        ((28, 28), (1, 28, 28), CHANNELS_FIRST),
        ((784,), (1, 28, 28), CHANNELS_FIRST),
        ((3, 32, 24), (3, 32, 24), CHANNELS_FIRST),
        ((32, 24, 3), (3, 32, 24), CHANNELS_LAST),
        ((24, 32, 3), (3, 32, 24), None),
        ((3, 3, 3), (3, 3, 3), CHANNELS_FIRST),
        ((187, 1), (1, 1, 187), CHANNELS_FIRST),
        ((128, 2), (2, 1, 128), CHANNELS_LAST),
        ((2, 128), (2, 1, 128), CHANNELS_FIRST),
        ((785,), (1, 28, 28), None),
    ],
)
def test_order_of_images(shape, in_shape, order) -> None:
    image = Image("images", shape, None, TensorProto.FLOAT)
    assert image.order(Shape(*in_shape)) == order
