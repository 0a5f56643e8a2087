"""How each of torch's operations becomes one of the graph's, by its name in ATen."""

import math
from collections.abc import Callable
from dataclasses import replace as changed
from math import inf
from typing import Any

import torch
from torch import Tensor

from bitrain.spec import MaxPool2d

from .averages import averages_of
from .operations import Add, Affine, Clip, Concatenate, Convolution, Leaky, Pool, Score, mean_of
from .recorder import Recorder, View, operation_name
from .refusals import BY_CHANCE, MONOTONE, REPLACEABLE, refusal

Number = int | float | bool
READERS: dict[str, Callable[..., Any]] = {}
"""Of the recorder, and of the operation's own arguments."""


def _reads(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        READERS.update(dict.fromkeys(names, function))
        return function

    return register


def standing_in(target: Any) -> Any:
    """The operation, or ReLU where that stands in for an activation that there is not."""
    if operation_name(target) not in REPLACEABLE:
        return target
    return lambda x, *_args, **_options: x.relu()


# Convolutions and linear layers


@_reads("conv1d", "conv2d")
def _conv(
    recorder: Recorder,
    x: View,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> View:
    flat = weight.dim() == 3  # of one dimension
    weight = weight[:, :, None] if flat else weight
    stride, dilation = _pair(stride, 1, flat=flat), _pair(dilation, 1, flat=flat)
    reach = [(k - 1) * d for k, d in zip(weight.shape[2:], dilation, strict=True)]
    if isinstance(padding, str):
        whole = [r * (padding == "same") for r in reach]
        before, after = tuple(r // 2 for r in whole), tuple(r - r // 2 for r in whole)
    else:
        before = after = _pair(padding, 0, flat=flat)
    operation = Convolution(
        weight=weight.float(),
        bias=weight.new_zeros(len(weight)).float() if bias is None else bias.float(),
        stride=stride,
        before=before,
        after=after,
        dilation=dilation,
        groups=groups,
    )
    view = recorder.add(operation, x)
    channels, _, length = view.node.shape
    return View(view.node, (channels, length)) if flat else view


@_reads("convolution")
def _convolution(
    recorder: Recorder,
    x: View,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    _output_padding: Any,
    groups: int,
) -> View:
    if transposed:
        raise recorder.refused("maps that become larger")
    return _conv(recorder, x, weight, bias, stride, padding, dilation, groups)


@_reads("linear")
def _linear(recorder: Recorder, x: View, weight: Tensor, bias: Tensor | None = None) -> View:
    operation = Convolution(
        weight=weight.float()[:, :, None, None],
        bias=weight.new_zeros(len(weight)).float() if bias is None else bias.float(),
    )
    if len(x.shape) == 1:
        return recorder.add(changed(operation, linear=True), x, shape=(len(weight),))
    # Of the last dimension of maps: a convolution of 1 x 1 pixels, once that comes first.
    last = recorder.layout(torch.movedim, x, -1, 1)
    moved = recorder.add(operation, last)
    shape = (moved.node.shape.channels, *last.shape[1:])
    return recorder.layout(torch.movedim, View(moved.node, shape), 1, -1)


@_reads("addmm")
def _addmm(recorder: Recorder, bias: Tensor, x: View, weight: Tensor, **scales: Any) -> View:
    if any(value != 1 for value in scales.values()) or not isinstance(weight, Tensor):
        raise recorder.refused("scaled matrix products")
    return _linear(recorder, x, weight.T, bias.expand(weight.shape[1]))


@_reads("mm", "matmul")
def _matmul(recorder: Recorder, x: View, weight: Any) -> View:
    if not isinstance(weight, Tensor) or not isinstance(x, View) or weight.dim() != 2:
        raise recorder.refused("products of two activations")
    return _linear(recorder, x, weight.T)


@_reads("einsum")
def _einsum(recorder: Recorder, _equation: str, parts: list[Any], **_: Any) -> View:
    if sum(isinstance(part, View) for part in parts) > 1:
        raise recorder.refused("products of two activations")
    raise recorder.refused("einsum", "write it as F.linear, which computes the same with weights")


# By channel


@_reads("batch_norm", "_native_batch_norm_legit_no_training", "native_batch_norm")
def _batch_norm(
    recorder: Recorder,
    x: View,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    variance: Tensor | None,
    *options: Any,
) -> Any:
    epsilon = next(x for x in reversed(options) if isinstance(x, float))
    training = recorder.kind != "_native_batch_norm_legit_no_training" and options[0]
    if mean is None or variance is None or training:
        raise recorder.refused(
            "statistics of each batch (track_running_stats=False, training=True)",
            "keep running ones in training, and write training=self.training",
        )
    gain = (variance + epsilon).rsqrt()
    offset = -mean * gain
    if weight is not None:
        gain, offset = gain * weight, offset * weight
    offset = offset if bias is None else offset + bias
    view = _affine(recorder, x, gain, offset)
    # One form gives the statistics too, of which nothing reads.
    return view if recorder.kind == "batch_norm" else (view,)


def _affine(recorder: Recorder, x: View, gain: Any, offset: Any) -> View:
    """Gain and offset: numbers, or one for each channel (whatever dimension that is)."""
    count = x.shape[0]
    pair = (torch.as_tensor(part).float().expand(count).clone() for part in (gain, offset))
    return recorder.add(Affine(*pair), x, shape=x.shape)


def _along(recorder: Recorder, x: View, constant: Any) -> tuple[int, Tensor]:
    """The only dimension (the batch is 0) along which a constant differs, and its numbers there."""
    value = torch.as_tensor(constant).float()
    shape = (1, *x.shape)
    try:
        whole = value.expand(torch.broadcast_shapes(value.shape, shape))
    except RuntimeError as error:
        raise recorder.refused("tensors of other shapes") from error
    if whole.shape != shape:
        raise recorder.refused("tensors that become larger")
    differing = [
        axis for axis in range(1, whole.dim()) if (whole != whole.narrow(axis, 0, 1)).any()
    ]
    if len(differing) > 1:
        raise recorder.refused("constants that differ within a channel")
    axis = differing[0] if differing else 1
    return axis, whole.movedim(axis, 1).reshape(x.shape[axis - 1], -1)[:, 0].clone()


def _with_constant(
    recorder: Recorder, x: View, constant: Any, of: Callable[[Tensor], tuple[Any, Any]]
) -> View:
    """Gain and offset by a constant of each channel; of: what they are for its numbers.

    Channels may be any dimension, as in maps whose channels come last.
    """
    axis, numbers = _along(recorder, x, constant)
    if axis == 1:
        return _affine(recorder, x, *of(numbers))
    first = recorder.layout(torch.movedim, x, axis, 1)
    return recorder.layout(torch.movedim, _affine(recorder, first, *of(numbers)), 1, axis)


@_reads("add", "sub", "rsub")
def _add(recorder: Recorder, x: Any, y: Any, *, alpha: Number = 1) -> View:
    sign = -alpha if recorder.kind == "sub" else alpha
    if recorder.kind == "rsub":  # y - alpha x
        x, y, sign = y, x, -alpha
    if not isinstance(x, View):  # constant ± view
        return _with_constant(recorder, y, x, lambda offset: (sign, offset))
    if not isinstance(y, View):
        return _with_constant(recorder, x, y, lambda offset: (1.0, sign * offset))
    if x.shape != y.shape:
        raise recorder.refused(f"the sum of shapes {_by(x.shape)} and {_by(y.shape)}")
    if sign != 1:
        y = _affine(recorder, y, sign, 0.0)
    return recorder.add(Add(), x, y, shape=x.shape)


@_reads("mul", "div", "neg")
def _mul(recorder: Recorder, x: Any, y: Any = -1.0, *, rounding_mode: Any = None) -> View:
    division = recorder.kind == "div"
    if rounding_mode is not None:
        raise recorder.refused("quotients that are rounded")
    if isinstance(x, View) and isinstance(y, View):
        raise recorder.refused("the product or quotient of two activations")
    if not isinstance(x, View):
        if division:
            raise recorder.refused("a quotient by activations")
        x, y = y, x
    return _with_constant(recorder, x, y, lambda gain: (1 / gain if division else gain, 0.0))


@_reads("wrap_with_autocast")
def _autocast(recorder: Recorder, *_args: Any, **_options: Any) -> View:
    way_out = "leave it out of forward, which changes rounding alone"
    raise recorder.refused("floats of fewer bits (torch.autocast)", way_out)


# Activations


@_reads("relu")
def _relu(recorder: Recorder, x: View) -> View:
    return recorder.add(Clip(), x, shape=x.shape)


@_reads("relu6", "hardtanh", "clamp", "clip")
def _clamp(recorder: Recorder, x: View, low: Any = None, high: Any = None) -> View:
    usual = {"relu6": (0.0, 6.0), "hardtanh": (-1.0, 1.0)}.get(recorder.kind, (-inf, inf))
    ends = [end if given is None else given for given, end in zip((low, high), usual, strict=True)]
    if any(isinstance(end, View) or torch.as_tensor(end).numel() > 1 for end in ends):
        raise recorder.refused("bounds that are tensors")
    lower, upper = map(float, ends)
    operation = Clip(lower, upper)
    if operation.low >= operation.high:
        raise recorder.refused(f"bounds {operation.low} and {operation.high}, in no order")
    return recorder.add(operation, x, shape=x.shape)


@_reads("clamp_min", "maximum")
def _clamp_min(recorder: Recorder, x: Any, low: Any) -> View:
    if isinstance(low, View) or not isinstance(x, View):
        raise recorder.refused("the larger of two activations")
    return _clamp(recorder, x, low, None)


@_reads("clamp_max", "minimum")
def _clamp_max(recorder: Recorder, x: Any, high: Any) -> View:
    if isinstance(high, View) or not isinstance(x, View):
        raise recorder.refused("the smaller of two activations")
    return _clamp(recorder, x, None, high)


@_reads("leaky_relu", "prelu")
def _leaky(recorder: Recorder, x: View, slope: Any = 0.01) -> View:
    slopes = torch.as_tensor(slope).float().flatten()
    return recorder.add(Leaky(slopes.expand(x.shape[0]).clone()), x, shape=x.shape)


@_reads("rrelu", "rrelu_with_noise")
def _random_leaky(recorder: Recorder, x: View, *options: Any, **_: Any) -> View:
    lower, upper = [each for each in options if isinstance(each, float)] or (1 / 8, 1 / 3)
    if options[-1:] == (True,):
        raise recorder.refused(*BY_CHANCE)
    return _leaky(recorder, x, (lower + upper) / 2)


@_reads("hardsigmoid")
def _hard_sigmoid(recorder: Recorder, x: View) -> View:
    if recorder.gives_scores:
        return recorder.add(Score(recorder.here.operation), x, shape=x.shape)
    return recorder.add(Clip(0.0, 1.0), _affine(recorder, x, 1 / 6, 0.5), shape=x.shape)


def _replaced(recorder: Recorder, x: View, *_args: Any, **_options: Any) -> View:
    if recorder.gives_scores and recorder.kind in MONOTONE:
        return recorder.add(Score(recorder.here.operation), x, shape=x.shape)
    if recorder.is_gate:
        raise recorder.refused("a gate, the product of two activations")
    if not recorder.replace:
        raise refusal(recorder.here, recorder.kind)
    recorder.here.replaced = True
    return recorder.add(Clip(), x, shape=x.shape)


READERS.update(dict.fromkeys(REPLACEABLE, _replaced))


@_reads("softmax", "_softmax", "log_softmax", "_log_softmax", "argmax")
def _score(recorder: Recorder, x: View, dim: int | None = None, *_: Any, **__: Any) -> View:
    if not recorder.gives_scores:
        raise recorder.refused("scores within a network")
    axis = 0 if dim is None else dim % (len(x.shape) + 1)  # 0: images of a batch together
    if axis == 0 or x.shape[axis - 1] != math.prod(x.shape):
        raise recorder.refused("scores along another dimension than the classes")
    return recorder.add(Score(recorder.here.operation), x, shape=x.shape)


# Pooling


@_reads("max_pool1d", "max_pool2d", "max_pool2d_with_indices", "max_pool1d_with_indices")
def _max_pool(
    recorder: Recorder,
    x: View,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Any:
    if any(step != 1 for step in _list(dilation)):
        raise recorder.refused("windows of a pooling with gaps (dilation)")
    window = _window(x, kernel, stride, padding, ceil_mode=ceil_mode)
    view = _mapped(recorder, Pool(window), x)
    return (view,) if "with_indices" in recorder.kind else view


@_reads("adaptive_max_pool1d", "adaptive_max_pool2d")
def _adaptive_max_pool(recorder: Recorder, x: View, size: Any) -> Any:
    window = MaxPool2d(**dict.fromkeys(("kernel", "stride"), _dividing(recorder, x, size)))
    return (_mapped(recorder, Pool(window), x),)


@_reads("avg_pool1d", "avg_pool2d")
def _average_pool(
    recorder: Recorder,
    x: View,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor: int | None = None,
) -> View:
    window = _window(x, kernel, stride, padding, ceil_mode=ceil_mode)
    node = recorder.node(x)
    operation, *others = averages_of(
        node.shape, window, _sides(x, padding, 0), counts_padding=count_include_pad, divisor=divisor
    )
    view = _mapped(recorder, operation, x)
    for each, shape in others:
        # Read in another shape, in which a neuron has the pixels of its window alone.
        view = recorder.add(each, View(view.node, shape))
    sizes = (len(window.places(axis, node.shape[1 + axis])) for axis in (0, 1))
    return View(
        view.node, (node.shape.channels, *(sizes if len(x.shape) == 3 else tuple(sizes)[1:]))
    )


@_reads("adaptive_avg_pool1d", "adaptive_avg_pool2d", "_adaptive_avg_pool2d")
def _adaptive_average(recorder: Recorder, x: View, size: Any) -> View:
    kernel = _dividing(recorder, x, size)
    operation = mean_of(recorder.node(x).shape, kernel, stride=kernel)
    return _mapped(recorder, operation, x)


def _over(recorder: Recorder, x: View, dims: Any) -> tuple[View, tuple[int, int]]:
    """A map whose rows, columns or both are the dimensions that are reduced, and their kernel.

    Others come first, as the channels of maps whose channels come last do.
    """
    rank = len(x.shape) + 1
    chosen = sorted({dim % rank for dim in _list(dims)})
    others = [dim for dim in range(1, rank) if dim not in chosen]
    if 0 in chosen or len(chosen) > 2 or not others:
        over = "the images of a batch" if 0 in chosen else "channels"
        raise recorder.refused(f"{_reduction(recorder)} over {over}")
    if 1 in chosen:
        x = recorder.layout(torch.permute, x, (0, *others, *chosen))
        chosen = list(range(rank - len(chosen), rank))
    height = x.shape[-2] if rank - 2 in chosen else 1
    return x, (height, x.shape[-1] if rank - 1 in chosen else 1)


def _reduction(recorder: Recorder) -> str:
    return {"mean": "a mean", "sum": "a sum"}.get(recorder.kind, "a maximum")


def _reduced(recorder: Recorder, view: View, x: View, dims: Any, *, keep: bool) -> View:
    dims = sorted({dim % (len(x.shape) + 1) - 1 for dim in _list(dims)})
    shape = [1 if i in dims else size for i, size in enumerate(x.shape)]
    if not keep:
        shape = [size for i, size in enumerate(shape) if i not in dims]
    return View(view.node, tuple(shape))


@_reads("mean", "sum")
def _mean(recorder: Recorder, x: View, dims: Any = None, keep: bool = False, **_: Any) -> View:
    if dims is None:
        raise recorder.refused(f"{_reduction(recorder)} over the images of a batch")
    last, kernel = _over(recorder, x, dims)
    view = recorder.add(mean_of(recorder.node(last).shape, kernel, stride=kernel), last)
    if recorder.kind == "sum":
        view = _affine(recorder, view, float(kernel[0] * kernel[1]), 0.0)
    return _reduced(recorder, view, x, dims, keep=keep)


@_reads("amax", "max")
def _amax(recorder: Recorder, x: View, dims: Any = None, keep: bool = False) -> Any:
    if recorder.gives_scores and recorder.taken == [1]:  # the class alone
        return None, _score(recorder, x, dims)
    if isinstance(dims, View):
        raise recorder.refused("the larger of two activations")
    if dims is None:
        raise recorder.refused(f"{_reduction(recorder)} over the images of a batch")
    last, kernel = _over(recorder, x, dims)
    pooled = recorder.add(Pool(MaxPool2d(kernel=kernel, stride=kernel)), last)
    view = _reduced(recorder, pooled, x, dims, keep=keep)
    return (view,) if recorder.kind == "max" else view


# Several maps, and their layout


@_reads("cat", "concatenate")
def _cat(recorder: Recorder, views: list[Any], dim: int = 0) -> View:
    if not all(isinstance(view, View) for view in views):
        raise recorder.refused("constants beside activations")
    rank = len(views[0].shape) + 1
    if len(views) == 1:
        return views[0]
    if dim % rank != 1:
        if dim % rank == 0 or all(view.index is None for view in views):
            raise recorder.refused("maps side by side along rows, columns or images")
        first = [recorder.layout(torch.movedim, view, dim, 1) for view in views]
        return recorder.layout(torch.movedim, _cat(recorder, first, 1), 1, dim)
    shape = (sum(view.shape[0] for view in views), *views[0].shape[1:])
    return recorder.add(Concatenate(), *views, shape=shape)


def _layout(recorder: Recorder, x: View, *args: Any, **kwargs: Any) -> Any:
    return recorder.layout(recorder.target, x, *args, **kwargs)


READERS.update(
    dict.fromkeys(
        [
            "view",
            "_unsafe_view",
            "reshape",
            "flatten",
            "unflatten",
            "transpose",
            "permute",
            "t",
            "movedim",
            "swapaxes",
            "unsqueeze",
            "squeeze",
            "slice",
            "select",
            "split",
            "split_with_sizes",
            "chunk",
            "unbind",
            "narrow",
            "index_select",
            "flip",
            "roll",
            "contiguous",
            "expand",
            "expand_as",
            "view_copy",
            "numpy_T",
            "mT",
            "pixel_shuffle",
            "pixel_unshuffle",
            "channel_shuffle",
            "native_channel_shuffle",
            "tile",
            "repeat",
            "index",
        ],
        _layout,
    )
)


@_reads(
    "_assert_tensor_metadata",
    "clone",
    "alias",
    "detach",
    "lift_fresh_copy",
    "lift_fresh",
    "to",
    "_to_copy",
    "positive",
    "type_as",
    "float",
)
def _same(recorder: Recorder, x: View, *args: Any, **options: Any) -> View:
    for kind in (*args, *options.values()):
        if isinstance(kind, torch.dtype) and not kind.is_floating_point:
            raise recorder.refused(f"values cut to {str(kind).removeprefix('torch.')}")
    recorder.here.fate = "without effect in evaluation mode"
    return x


@_reads("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
def _dropout(recorder: Recorder, x: View, probability: float, train: bool) -> View:
    if train and probability > 0:
        raise recorder.refused(*BY_CHANCE)
    return _same(recorder, x)


@_reads("pad", "constant_pad_nd")
def _pad(
    recorder: Recorder, x: View, sizes: Any, mode: Any = "constant", value: Any = None
) -> View:
    constant = mode if not isinstance(mode, str) else value
    if isinstance(mode, str) and mode != "constant":
        raise recorder.refused(f"copies of pixels around a map ({mode} padding)")
    if constant:
        raise recorder.refused(f"constants of {constant} around a map")
    return recorder.layout(torch.ops.aten.constant_pad_nd.default, x, sizes, 0)


def _mapped(recorder: Recorder, operation: Any, x: View) -> View:
    """The result of an operation on rows and columns, in as many dimensions as before."""
    view = recorder.add(operation, x)
    channels, height, width = view.node.shape
    return View(view.node, (channels, width) if len(x.shape) == 2 else (channels, height, width))


def _window(x: View, kernel: Any, stride: Any, padding: Any, *, ceil_mode: bool) -> MaxPool2d:
    kernel = _sides(x, kernel, 1)
    stride = _sides(x, stride, 1) if _list(stride) else kernel
    before = _sides(x, padding, 0)
    sizes = x.shape[-2:] if len(x.shape) == 3 else (1, x.shape[-1])
    after = []
    for size, k, s, pad in zip(sizes, kernel, stride, before, strict=True):
        more = pad
        if ceil_mode:
            windows = -(-(size + 2 * pad - k) // s) + 1
            if (windows - 1) * s >= size + pad:  # would begin beyond the map
                windows -= 1
            more = max(pad, (windows - 1) * s + k - size - pad)
        after.append(more)
    return MaxPool2d(kernel=kernel, stride=stride, padding=before, padding_after=tuple(after))


def _dividing(recorder: Recorder, x: View, size: Any) -> tuple[int, int]:
    sizes = x.shape[-2:] if len(x.shape) == 3 else (1, x.shape[-1])
    wanted = _list(size)
    wanted = [1, *wanted] if len(x.shape) == 2 else wanted * (2 if len(wanted) == 1 else 1)
    wanted = [have if want is None else want for want, have in zip(wanted, sizes, strict=True)]
    if any(have % want for want, have in zip(wanted, sizes, strict=True)):
        raise recorder.refused(
            f"windows of different sizes: {_by(tuple(sizes))} pixels to {_by(tuple(wanted))}"
        )
    rows, columns = (have // want for want, have in zip(wanted, sizes, strict=True))
    return rows, columns


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _pair(value: Any, other: int, *, flat: bool) -> tuple[int, int]:
    values = _list(value)
    if flat:
        return other, values[0]
    return (values[0], values[0]) if len(values) == 1 else (values[0], values[1])


def _sides(x: View, value: Any, other: int) -> tuple[int, int]:
    return _pair(value, other, flat=len(x.shape) == 2)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
