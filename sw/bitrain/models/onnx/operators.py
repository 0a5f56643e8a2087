"""ONNX's operators on what depends on the image, in torch's functions.

Each takes the attributes, with the defaults of the operator's version, and the inputs: tensors,
None where an optional one is left out. What fixes shapes (axes, sizes, pads) comes as arrays of
NumPy, as torch.export must know it. Operators that the accelerator cannot have are here where torch
has them: the front end refuses them, and says why.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from onnx import TensorProto
from torch import Tensor
from torch.nn import functional as F

from bitrain.spec import BitrainError

Attributes = dict[str, Any]
SOFTMAX_OF_ONE_AXIS = 13
"""The first opset in which softmax is along one axis."""
KINDS = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.BFLOAT16: torch.bfloat16,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.INT8: torch.int8,
    TensorProto.UINT8: torch.uint8,
    TensorProto.INT32: torch.int32,
    TensorProto.INT64: torch.int64,
    TensorProto.BOOL: torch.bool,
}
"""Torch's types by ONNX's."""
OPERATORS: dict[str, Callable[..., Any]] = {}
"""By ONNX's names."""
FIXED = {
    "Expand": (1,),
    "Gather": (1,),
    "Pad": (1, 2, 3),
    "ReduceMax": (1,),
    "ReduceMean": (1,),
    "ReduceSum": (1,),
    "Reshape": (1,),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Squeeze": (1,),
    "Tile": (1,),
    "Unsqueeze": (1,),
    "Clip": (1, 2),
    "Dropout": (1, 2),
}
"""Inputs that must be known before an image is: they come as arrays."""
REFUSED = {
    **dict.fromkeys(["LSTM", "GRU", "RNN"], "each of its steps reads what the one before gives"),
    **dict.fromkeys(["If", "Loop", "Scan"], "what is computed must not depend on the image"),
    **dict.fromkeys(
        ["Resize", "Upsample", "ConvTranspose", "MaxUnpool"],
        "maps only become smaller on the accelerator",
    ),
    **dict.fromkeys(
        [
            "LayerNormalization",
            "InstanceNormalization",
            "GroupNormalization",
            "RMSNormalization",
            "MeanVarianceNormalization",
            "LpNormalization",
            "LRN",
        ],
        "it divides by what is of each image, and the accelerator has no division",
    ),
    **dict.fromkeys(
        ["Attention", "Einsum"],
        "it may multiply two activations, and the accelerator multiplies activations by weights",
    ),
    **dict.fromkeys(
        ["ConvInteger", "MatMulInteger", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul"],
        "it computes with quantised activations; quantise to QuantizeLinear and DequantizeLinear "
        "(format QDQ), or export the network in real numbers",
    ),
}
"""Operators that torch has not, or in other words, and why the accelerator cannot have them."""


def _operator(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return register


# Convolutions and matrix products


def _pads(x: Tensor, kernel: list[int], options: Attributes) -> tuple[list[int], list[int]]:
    """Rows and columns before and after, for each dimension of a window."""
    rank = len(kernel)
    auto = options.get("auto_pad", b"NOTSET").decode()
    if auto in ("NOTSET", "VALID"):
        pads = list(options.get("pads", [])) if auto == "NOTSET" else []
        pads = pads or [0] * (2 * rank)
        return pads[:rank], pads[rank:]
    strides = options.get("strides", [1] * rank)
    dilations = options.get("dilations", [1] * rank)
    whole = [
        max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size)
        for size, k, s, d in zip(x.shape[2:], kernel, strides, dilations, strict=True)
    ]
    less, more = [each // 2 for each in whole], [each - each // 2 for each in whole]
    return (less, more) if auto == "SAME_UPPER" else (more, less)


def _surrounded(x: Tensor, before: list[int], after: list[int], value: float = 0.0) -> Tensor:
    sizes = [each for pair in zip(reversed(before), reversed(after), strict=True) for each in pair]
    return F.pad(x, sizes, value=value) if any(sizes) else x


@_operator("Conv")
def _conv(options: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    kernel = list(weight.shape[2:])
    if len(kernel) not in (1, 2) or len(kernel) != x.dim() - 2:
        raise BitrainError(f"a convolution of {len(kernel)} dimensions")
    before, after = _pads(x, kernel, options)
    padding: Any = before
    if before != after:
        x, padding = _surrounded(x, before, after), 0
    function = F.conv1d if len(kernel) == 1 else F.conv2d
    ones = [1] * len(kernel)
    stride, dilation = options.get("strides", ones), options.get("dilations", ones)
    return function(x, weight, bias, stride, padding, dilation, options["group"])


@_operator("Gemm")
def _gemm(options: Attributes, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    x = x.T if options["transA"] else x
    weight = options["alpha"] * (weight if options["transB"] else weight.T)
    given = F.linear(x, weight)
    return given if bias is None else given + options["beta"] * bias


@_operator("MatMul")
def _matmul(_options: Attributes, x: Tensor, y: Tensor) -> Tensor:
    return torch.matmul(x, y)


# By channel


@_operator("BatchNormalization")
def _batch_norm(options: Attributes, x: Tensor, *numbers: Tensor) -> Tensor:
    scale, bias, mean, variance = numbers
    training = bool(options.get("training_mode", 0))
    return F.batch_norm(x, mean, variance, scale, bias, training, eps=options["epsilon"])


@_operator("Add")
def _add(_options: Attributes, x: Tensor, y: Tensor) -> Tensor:
    return torch.add(x, y)


@_operator("Sum")
def _sum(_options: Attributes, first: Tensor, *others: Tensor) -> Tensor:
    for each in others:
        first = first + each
    return first


@_operator("Mean")
def _mean(options: Attributes, *inputs: Tensor) -> Tensor:
    return _sum(options, *inputs) / len(inputs)


@_operator("Sub")
def _sub(_options: Attributes, x: Tensor, y: Tensor) -> Tensor:
    return torch.sub(x, y)


@_operator("Mul")
def _mul(_options: Attributes, x: Tensor, y: Tensor) -> Tensor:
    return torch.mul(x, y)


@_operator("Div")
def _div(_options: Attributes, x: Tensor, y: Tensor) -> Tensor:
    return torch.div(x, y)


@_operator("Neg")
def _neg(_options: Attributes, x: Tensor) -> Tensor:
    return torch.neg(x)


@_operator("Max")
def _max(_options: Attributes, *inputs: Tensor) -> Tensor:
    return _folded(torch.maximum, inputs)


@_operator("Min")
def _min(_options: Attributes, *inputs: Tensor) -> Tensor:
    return _folded(torch.minimum, inputs)


def _folded(function: Callable[[Tensor, Tensor], Tensor], inputs: tuple[Tensor, ...]) -> Tensor:
    first, *others = inputs
    for each in others:
        first = function(first, each)
    return first


# Activations


@_operator("Relu")
def _relu(_options: Attributes, x: Tensor) -> Tensor:
    return F.relu(x)


@_operator("Clip")
def _clip(
    _options: Attributes, x: Tensor, low: np.ndarray | None = None, high: np.ndarray | None = None
) -> Tensor:
    ends = [None if end is None else float(end) for end in (low, high)]
    return x if ends == [None, None] else torch.clamp(x, *ends)


@_operator("LeakyRelu")
def _leaky_relu(options: Attributes, x: Tensor) -> Tensor:
    return F.leaky_relu(x, options["alpha"])


@_operator("PRelu")
def _prelu(_options: Attributes, x: Tensor, slope: Tensor) -> Tensor:
    if slope.numel() not in (1, x.shape[1]):
        raise BitrainError("slopes that differ within a channel")
    return F.prelu(x, slope.flatten())


@_operator("ThresholdedRelu")
def _thresholded(options: Attributes, x: Tensor) -> Tensor:
    return F.threshold(x, options["alpha"], 0.0)


@_operator("HardSigmoid")
def _hard_sigmoid(options: Attributes, x: Tensor) -> Tensor:
    return torch.clamp(x * options["alpha"] + options["beta"], 0.0, 1.0)


@_operator("Gelu")
def _gelu(options: Attributes, x: Tensor) -> Tensor:
    return F.gelu(x, approximate=options["approximate"].decode())


@_operator("Elu")
def _elu(options: Attributes, x: Tensor) -> Tensor:
    return F.elu(x, options["alpha"])


@_operator("Celu")
def _celu(options: Attributes, x: Tensor) -> Tensor:
    return F.celu(x, options["alpha"])


def _plain(function: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def operator(_options: Attributes, x: Tensor) -> Tensor:
        return function(x)

    return operator


OPERATORS.update(
    Erf=_plain(torch.erf),
    Sigmoid=_plain(torch.sigmoid),
    Tanh=_plain(torch.tanh),
    Softplus=_plain(F.softplus),
    Selu=_plain(F.selu),
    HardSwish=_plain(F.hardswish),
    Mish=_plain(F.mish),
    Swish=_plain(F.silu),
)


@_operator("Greater")
def _greater(_options: Attributes, x: Tensor, bound: Tensor) -> Tensor:
    return torch.gt(x, bound)


@_operator("Where")
def _where(_options: Attributes, chosen: Tensor, x: Tensor, other: Tensor) -> Tensor:
    return torch.where(chosen, x, other)


@_operator("Pow")
def _pow(_options: Attributes, x: Tensor, exponent: Tensor) -> Tensor:
    return torch.pow(x, exponent)


def _along_classes(
    function: Callable[[Tensor, int], Tensor], options: Attributes, x: Tensor
) -> Tensor:
    """Until opset 12 softmax was over all dimensions from an axis on."""
    axis = options["axis"]
    if options["opset"] >= SOFTMAX_OF_ONE_AXIS:
        return function(x, axis)
    return function(x.flatten(axis % x.dim()), -1).reshape(x.shape)


@_operator("Softmax")
def _softmax(options: Attributes, x: Tensor) -> Tensor:
    return _along_classes(F.softmax, options, x)


@_operator("LogSoftmax")
def _log_softmax(options: Attributes, x: Tensor) -> Tensor:
    return _along_classes(F.log_softmax, options, x)


@_operator("ArgMax")
def _arg_max(options: Attributes, x: Tensor) -> Tensor:
    return torch.argmax(x, options["axis"], bool(options["keepdims"]))


# Windows


def _window(x: Tensor, options: Attributes) -> tuple[Any, ...]:
    """Kernel, strides, what stands before and after, and whether the last may begin in that."""
    kernel = list(options["kernel_shape"])
    if len(kernel) not in (1, 2):
        raise BitrainError(f"pooling of {len(kernel)} dimensions")
    before, after = _pads(x, kernel, options)
    return kernel, options.get("strides", [1] * len(kernel)), before, after


def _is_ceil(x: Tensor, kernel: Any, strides: Any, before: Any, after: Any) -> bool:
    """Whether uneven margins are those that torch's ``ceil_mode`` makes."""
    for size, k, s, first, last in zip(x.shape[2:], kernel, strides, before, after, strict=True):
        windows = (size + first + last - k) // s + 1
        rounded = -(-(size + 2 * first - k) // s) + 1
        rounded -= (rounded - 1) * s >= size + first
        if windows != rounded:
            return False
    return True


@_operator("MaxPool")
def _max_pool(options: Attributes, x: Tensor) -> Tensor:
    kernel, strides, before, after = _window(x, options)
    dilation = options.get("dilations", [1] * len(kernel))
    ceil = bool(options["ceil_mode"])
    if before != after:
        if ceil or not _is_ceil(x, kernel, strides, before, after):
            x, before = _surrounded(x, before, after, -math.inf), [0] * len(kernel)
        else:
            ceil = True
    function = F.max_pool1d if len(kernel) == 1 else F.max_pool2d
    return function(x, kernel, strides, before, dilation, ceil)


@_operator("AveragePool")
def _average_pool(options: Attributes, x: Tensor) -> Tensor:
    kernel, strides, before, after = _window(x, options)
    if any(step != 1 for step in options.get("dilations", [])):
        raise BitrainError("windows of a pooling with gaps (dilations)")
    ceil, counts = bool(options["ceil_mode"]), bool(options["count_include_pad"])
    if before != after:
        if counts:
            x, before = _surrounded(x, before, after), [0] * len(kernel)
        elif not ceil and _is_ceil(x, kernel, strides, before, after):
            ceil = True
        else:
            raise BitrainError("means of windows with uneven margins")
    if len(kernel) == 1:
        return F.avg_pool1d(x, kernel, strides, before, ceil, counts)
    return F.avg_pool2d(x, kernel, strides, before, ceil, counts)


@_operator("GlobalAveragePool")
def _global_average(_options: Attributes, x: Tensor) -> Tensor:
    return x.mean(tuple(range(2, x.dim())), keepdim=True)


@_operator("GlobalMaxPool")
def _global_max(_options: Attributes, x: Tensor) -> Tensor:
    return x.amax(tuple(range(2, x.dim())), keepdim=True)


def _axes(options: Attributes, x: Tensor, axes: np.ndarray | None) -> tuple[int, ...]:
    given = options.get("axes") if axes is None else axes.tolist()
    if given is None or not len(given):
        return () if options.get("noop_with_empty_axes", 0) else tuple(range(x.dim()))
    return tuple(given)


@_operator("ReduceMean")
def _reduce_mean(options: Attributes, x: Tensor, axes: np.ndarray | None = None) -> Tensor:
    over = _axes(options, x, axes)
    return x.mean(over, keepdim=bool(options["keepdims"])) if over else x


@_operator("ReduceSum")
def _reduce_sum(options: Attributes, x: Tensor, axes: np.ndarray | None = None) -> Tensor:
    over = _axes(options, x, axes)
    return x.sum(over, keepdim=bool(options["keepdims"])) if over else x


@_operator("ReduceMax")
def _reduce_max(options: Attributes, x: Tensor, axes: np.ndarray | None = None) -> Tensor:
    over = _axes(options, x, axes)
    return x.amax(over, keepdim=bool(options["keepdims"])) if over else x


# Several maps, and their layout


@_operator("Concat")
def _concat(options: Attributes, *inputs: Tensor) -> Tensor:
    return torch.cat(inputs, options["axis"])


@_operator("Flatten")
def _flatten(options: Attributes, x: Tensor) -> Tensor:
    axis = options["axis"] % (x.dim() + 1)
    return x.reshape(math.prod(x.shape[:axis]), -1)


@_operator("Reshape")
def _reshape(options: Attributes, x: Tensor, shape: np.ndarray) -> Tensor:
    keeps = not options.get("allowzero", 0)
    sizes = [x.shape[i] if size == 0 and keeps else size for i, size in enumerate(shape.tolist())]
    return x.reshape(sizes)


@_operator("Transpose")
def _transpose(options: Attributes, x: Tensor) -> Tensor:
    return x.permute(options.get("perm", list(reversed(range(x.dim())))))


@_operator("Squeeze")
def _squeeze(options: Attributes, x: Tensor, axes: np.ndarray | None = None) -> Tensor:
    given = options.get("axes") if axes is None else axes.tolist()
    if given is None:
        given = [i for i, size in enumerate(x.shape) if size == 1]
    return x.squeeze(tuple(given))


@_operator("Unsqueeze")
def _unsqueeze(options: Attributes, x: Tensor, axes: np.ndarray | None = None) -> Tensor:
    given = options["axes"] if axes is None else axes.tolist()
    rank = x.dim() + len(given)
    for axis in sorted(each % rank for each in given):
        x = x.unsqueeze(axis)
    return x


@_operator("Slice")
def _slice(
    _options: Attributes, x: Tensor, starts: Any, ends: Any, axes: Any = None, steps: Any = None
) -> Tensor:
    axes = range(len(starts)) if axes is None else axes.tolist()
    steps = [1] * len(starts) if steps is None else steps.tolist()
    for axis, first, last, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        size = x.shape[axis]
        # An end before the first is beyond it, where Python would count it from the last.
        chosen = (
            range(size)[slice(first, last, step)]
            if last >= -size
            else (range(size)[slice(first, None if step < 0 else 0, step)])
        )
        if step > 0:
            parts = [slice(None)] * x.dim()
            parts[axis] = slice(chosen.start, chosen.stop, step)
            x = x[tuple(parts)]
        else:
            x = x.index_select(axis, torch.tensor(list(chosen)))
    return x


@_operator("Split")
def _split(options: Attributes, x: Tensor, sizes: np.ndarray | None = None) -> Any:
    axis = options["axis"]
    given = options.get("split") if sizes is None else sizes.tolist()
    if given is None:
        count = options.get("num_outputs") or options["outputs"]
        given = -(-x.shape[axis] // count)
    return torch.split(x, given, axis)


@_operator("Gather")
def _gather(options: Attributes, x: Tensor, indices: np.ndarray) -> Tensor:
    axis = options["axis"]
    places = indices % x.shape[axis]
    if places.ndim == 0:
        return x.select(axis, int(places))
    if places.ndim > 1:
        raise BitrainError("places in more than one dimension")
    return x.index_select(axis, torch.from_numpy(places.astype(np.int64)))


@_operator("Pad")
def _pad(
    options: Attributes,
    x: Tensor,
    pads: np.ndarray,
    value: np.ndarray | None = None,
    axes: np.ndarray | None = None,
) -> Tensor:
    rank = x.dim()
    before, after = [0] * rank, [0] * rank
    over = range(rank) if axes is None else [axis % rank for axis in axes.tolist()]
    for i, axis in enumerate(over):
        before[axis], after[axis] = (int(pads[i + side * len(over)]) for side in (0, 1))
    mode = options["mode"].decode()
    if mode == "constant":
        return _surrounded(
            x, before, after, 0.0 if value is None or not value.size else float(value.reshape(()))
        )
    sizes = [each for pair in zip(before[2:][::-1], after[2:][::-1], strict=True) for each in pair]
    names = {"edge": "replicate", "wrap": "circular", "reflect": "reflect"}
    return F.pad(x, sizes, names[mode])


@_operator("Expand")
def _expand(_options: Attributes, x: Tensor, shape: np.ndarray) -> Tensor:
    return x.expand(torch.broadcast_shapes(x.shape, tuple(shape.tolist())))


@_operator("Tile")
def _tile(_options: Attributes, x: Tensor, repeats: np.ndarray) -> Tensor:
    return x.repeat(repeats.tolist())


@_operator("DepthToSpace")
def _depth_to_space(options: Attributes, x: Tensor) -> Tensor:
    size = options["blocksize"]
    if options["mode"] == b"CRD":
        return F.pixel_shuffle(x, size)
    batch, channels, height, width = x.shape
    x = x.reshape(batch, size, size, channels // size**2, height, width)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(batch, -1, height * size, width * size)


@_operator("SpaceToDepth")
def _space_to_depth(options: Attributes, x: Tensor) -> Tensor:
    size = options["blocksize"]
    batch, channels, height, width = x.shape
    x = x.reshape(batch, channels, height // size, size, width // size, size)
    return x.permute(0, 3, 5, 1, 2, 4).reshape(batch, -1, height // size, width // size)


@_operator("Identity")
def _identity(_options: Attributes, x: Tensor) -> Tensor:
    return x


@_operator("Dropout")
def _dropout(
    options: Attributes,
    x: Tensor,
    ratio: np.ndarray | None = None,
    training: np.ndarray | None = None,
) -> Tensor:
    share = options.get("ratio", 0.5) if ratio is None else float(ratio)
    return F.dropout(x, share, training is not None and bool(training))


@_operator("Cast", "CastLike")
def _cast(options: Attributes, x: Tensor, like: Tensor | None = None) -> Tensor:
    if like is not None:
        return x.to(like.dtype)
    if options["to"] not in KINDS:
        raise BitrainError("a type that torch has not")
    return x.to(KINDS[options["to"]])
