"""Read an ONNX file, and refuse what no accelerator can be made of."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx.inliner
from google.protobuf.message import DecodeError
from onnx import TensorProto

from bitrain.spec import BitrainError, Shape

OLDEST_OPSET = 11
DOMAINS = frozenset(["", "ai.onnx"])
"""ONNX's own operators."""
QUANTISER_DOMAINS = ("qonnx.custom_op", "onnx.brevitas", "finn.custom_op")
"""Beginnings of the domains of QONNX's quantisers, as QONNX, Brevitas and FINN name them."""
FLOATS = {TensorProto.FLOAT: "float32", TensorProto.DOUBLE: "float64"}


CHANNELS_FIRST, CHANNELS_LAST = (0, 1, 2, 3), (0, 2, 3, 1)


@dataclass(frozen=True)
class Image:
    """The input of a file's graph."""

    name: str
    shape: tuple[int, ...]
    """Without the batch."""
    batch: int | None
    """Images that the graph reads at once; None: any number."""
    elements: int
    """Their type, of ``onnx.TensorProto``."""

    def order(self, in_shape: Shape) -> tuple[int, ...] | None:
        """How a batch of images (batch, channels, rows, columns) is permuted for the graph.

        None where its shape does not hold such images. Numbers in a row are channels first.
        """
        channels, height, width = in_shape
        if self.shape == (height, width, channels) != tuple(in_shape):
            return CHANNELS_LAST
        squeezed = [size for size in self.shape if size != 1]
        if squeezed in ([size for size in in_shape if size != 1], [math.prod(in_shape)]):
            return CHANNELS_FIRST
        if squeezed == [size for size in (height, width, channels) if size != 1]:
            return CHANNELS_LAST
        return None


def read_model(path: Path) -> onnx.ModelProto:
    """The file, checked; :class:`BitrainError` says what is wrong with it."""
    if not path.is_file():
        raise BitrainError(f"model {path}: no such file")
    try:
        model = onnx.load(path)
    except DecodeError as error:
        raise BitrainError(
            f"model {path}: not an ONNX file, or a damaged one; export the network again"
        ) from error
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise BitrainError(
            f"model {path}: {_line(error)}; files that hold its weights belong beside it"
        ) from error
    if not model.graph.node or not model.graph.output:
        raise BitrainError(
            f"model {path}: not an ONNX file, or one without a network; export it again"
        )
    _check_operators(model, path)
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise BitrainError(
            f"model {path}: not valid ONNX ({_line(error)}); export the network again"
        ) from error
    return model


def _check_operators(model: onnx.ModelProto, path: Path) -> None:
    """Raise :class:`BitrainError` for sets of operators that are not read."""
    own = {function.domain for function in model.functions}
    for each in model.opset_import:
        newest = onnx.defs.onnx_opset_version()
        if each.domain in DOMAINS and not OLDEST_OPSET <= each.version <= newest:
            raise BitrainError(
                f"model {path}: opset {each.version}; expected {OLDEST_OPSET} to {newest}; export "
                "it with opset 17, or convert it (onnx.version_converter.convert_version)"
            )
    for node in model.graph.node:
        domain = node.domain
        if domain in DOMAINS or domain in own or domain.startswith(QUANTISER_DOMAINS):
            continue
        way_out = (
            "quantise to QuantizeLinear and DequantizeLinear (format QDQ)"
            if node.op_type.startswith(("QLinear", "QGemm"))
            else "export it in ONNX's own operators"
        )
        raise BitrainError(
            f"model {path}: {spelt(node)} is of the operators of {domain!r}, which are not read; "
            f"{way_out}"
        )


def spelt(node: onnx.NodeProto) -> str:
    """A node in messages: its operator and its name."""
    return f"{node.op_type} ({node.name or node.output[0]})"


def read_image(graph: onnx.GraphProto, path: Path) -> Image:
    """The input that is no weight; :class:`BitrainError` unless it is a batch of images."""
    constants = {each.name for each in graph.initializer}
    inputs = [each for each in graph.input if each.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs) or "none"
        raise BitrainError(
            f"model {path}: reads {len(inputs)} inputs ({names}); expected one, the images"
        )
    (image,) = inputs
    kind = image.type.tensor_type
    if kind.elem_type not in FLOATS:
        found = _type_name(kind.elem_type)
        raise BitrainError(
            f"model {path}: input {image.name} is {found}; expected float32, images in 0 … 1; "
            "export it in float32"
        )
    if not kind.HasField("shape") or len(kind.shape.dim) < 2:
        raise BitrainError(
            f"model {path}: input {image.name} has no shape of a batch of images; export it with "
            "one, as (N, 1, 28, 28)"
        )
    first, *others = kind.shape.dim
    if any(not each.HasField("dim_value") or each.dim_value < 1 for each in others):
        told = " x ".join(_size(each) for each in kind.shape.dim)
        raise BitrainError(
            f"model {path}: input {image.name} is {told}; only the batch may be of any size: fix "
            "the others (onnxruntime.tools.make_dynamic_shape_fixed, or dynamic_axes of the export)"
        )
    batch = first.dim_value if first.HasField("dim_value") and first.dim_value > 0 else None
    shape = tuple(each.dim_value for each in others)
    return Image(image.name, shape, batch, kind.elem_type)


def read_output(graph: onnx.GraphProto, path: Path) -> str:
    """The name of the scores."""
    names = [each.name for each in graph.output]
    if len(names) != 1:
        raise BitrainError(
            f"model {path}: gives {len(names)} outputs ({', '.join(names)}); keep the scores alone "
            "(onnx.utils.extract_model)"
        )
    return names[0]


def _type_name(kind: int) -> str:
    if kind not in TensorProto.DataType.values():
        return "no tensor"
    return TensorProto.DataType.Name(kind).lower().replace("undefined", "no tensor")


def _size(dimension: onnx.TensorShapeProto.Dimension) -> str:
    return str(dimension.dim_value) if dimension.dim_value > 0 else dimension.dim_param or "?"


def _line(error: Exception) -> str:
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__).rstrip(".")


def names_of(node: onnx.NodeProto) -> Sequence[str]:
    """Values that a node reads, those of its subgraphs among them."""
    names = [name for name in node.input if name]
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            inner = {name for each in graph.node for name in names_of(each)}
            made = {name for each in graph.node for name in each.output}
            made |= {each.name for each in (*graph.input, *graph.initializer)}
            names += sorted(inner - made)
            names += [each.name for each in graph.output if each.name not in made]
    return names
