"""A trained ``nn.Sequential`` read as a chain of engine steps, or refused with a reason.

A step is a Conv2d or Linear with what follows it: BatchNorm2d, folded into weights and bias (S.
Ioffe and C. Szegedy, *Batch Normalization*, arXiv:1502.03167), and ReLU and MaxPool2d in either
order, which are equal. A residual block is its body's steps, the last of which adds the block's
input; another :class:`Block` is its modules. Average pooling of the whole map is folded into the
Linear that follows it.
"""

from dataclasses import replace

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from bitrain.spec import BitrainError, MaxPool2d, Shape

from .blocks import Block, Concatenate, Residual, Subsample
from .float_layer import FloatLayer, FloatShortcut

_SUPPORTED = (
    "Conv2d, Linear, BatchNorm2d, ReLU, MaxPool2d, AdaptiveAvgPool2d(1), Flatten, Dropout, "
    "Identity, bitrain.nn.Block, bitrain.nn.Residual, nested Sequential"
)
_IGNORED = (nn.Identity, nn.Dropout, nn.Dropout2d)
_ACTIVATIONS = (
    *(nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU),
    *(nn.Mish, nn.Hardswish, nn.Sigmoid, nn.Hardsigmoid, nn.Tanh, nn.Hardtanh, nn.Softplus),
)
_NORMS = (nn.BatchNorm1d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d, nn.LocalResponseNorm)
_POOLS = (nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.LPPool2d)
_INSTEAD: dict[type[nn.Module], str] = {
    **dict.fromkeys(_ACTIVATIONS, "use ReLU"),
    **dict.fromkeys(_NORMS, "use BatchNorm2d right after a Conv2d"),
    **dict.fromkeys(_POOLS, "use MaxPool2d, or AdaptiveAvgPool2d(1)"),
    **dict.fromkeys((nn.Softmax, nn.LogSoftmax), "leave it out, the largest score is the class"),
    Concatenate: "the accelerator cannot run dense blocks yet, use conv or residual ones",
}


def read_chain(model: nn.Module, in_shape: Shape) -> list[FloatLayer]:
    """The steps of ``model`` for images of ``in_shape``, with evaluation-mode batch norm folded.

    Raises :class:`BitrainError` naming the first module that the accelerator cannot run.
    """
    if type(model) is not nn.Sequential:
        raise BitrainError(
            f"{type(model).__name__} is not an nn.Sequential; build the model from {_SUPPORTED}"
        )
    reader = _Reader(Shape(*in_shape))
    reader.read("", model)
    return reader.finish()


class _Reader:
    """Walks through the modules in order; the last of ``steps`` is under construction."""

    def __init__(self, in_shape: Shape):
        self.shape = in_shape
        self.flat = False
        self.averaged = False
        self.steps: list[FloatLayer] = []
        self.relu_path = self.pool_path = ""
        self.readers = {
            nn.Sequential: self.sequential,
            Block: self.sequential,
            Residual: self.residual,
            nn.Conv2d: self.conv,
            nn.Linear: self.linear,
            nn.BatchNorm2d: self.batch_norm,
            nn.ReLU: self.relu,
            nn.MaxPool2d: self.max_pool,
            nn.AdaptiveAvgPool2d: self.average,
            nn.Flatten: self.flatten,
        }

    def read(self, path: str, module: nn.Module) -> None:
        kind = type(module)
        if kind in _IGNORED:
            return
        if kind not in self.readers:
            instead = _INSTEAD.get(kind, f"use {_SUPPORTED}")
            raise BitrainError(f"{path}: {kind.__name__} is not supported; {instead}")
        self.readers[kind](path, module)
        if self.steps:
            try:
                self.shape = self.steps[-1].out_shape
            except ValidationError as error:
                message = error.errors()[0]["msg"].removeprefix("Value error, ")
                raise BitrainError(
                    f"{path}: {message}; give larger images or remove the layer"
                ) from error

    def finish(self) -> list[FloatLayer]:
        if not self.steps:
            raise BitrainError("the model has no Conv2d or Linear; there is nothing to compute")
        for step in self.steps:
            if not (step.weight.isfinite().all() and step.bias.isfinite().all()):
                raise BitrainError(f"{step.name}: weights hold NaN or infinity; train again")
        name = self.steps[-1].name
        if self.steps[-1].pool:
            raise BitrainError(
                f"{self.pool_path}: MaxPool2d after the last layer {name}; remove it, or add "
                "nn.ReLU and a layer that gives the scores"
            )
        if self.steps[-1].relu:
            raise BitrainError(
                f"{self.relu_path}: ReLU after the last layer {name}; remove it, scores are signed"
            )
        return self.steps

    def sequential(self, path: str, module: nn.Sequential) -> None:
        # A module that is used twice (often a ReLU) counts twice.
        for name, part in module._modules.items():
            assert part is not None
            self.read(f"{path}.{name}" if path else name, part)

    def residual(self, path: str, module: Residual) -> None:
        source, before = len(self.steps) - 1, self.shape
        if source < 0 or not self.steps[source].relu:
            raise BitrainError(
                f"{path}: Residual does not follow a ReLU; put a Conv2d with nn.ReLU() before it"
            )
        take = module.shortcut
        if isinstance(take, nn.Identity):
            take = Subsample(before.channels, before.channels, 1)
        if not isinstance(take, Subsample):
            raise BitrainError(
                f"{path}.shortcut: {type(take).__name__} is not supported; use bitrain.nn.Subsample"
            )
        self.read(f"{path}.body", module.body)
        last = self.steps[-1]
        channels = before.channels + take.before + take.after
        rows, columns = (-(-size // take.stride) for size in before[1:])
        if len(self.steps) - 1 == source or last.relu or last.pool or self.flat:
            raise BitrainError(
                f"{path}.body: expected at least one Conv2d, and no ReLU, pooling or Flatten at "
                "its end; the block adds its input there and has a ReLU of its own"
            )
        if self.shape != (channels, rows, columns):
            raise BitrainError(
                f"{path}: the body gives {_by(self.shape)}, the shortcut "
                f"{channels} x {rows} x {columns}; make them fit"
            )
        self.steps[-1] = replace(last, relu=True, shortcut=FloatShortcut(source, take))
        self.relu_path = path

    def average(self, path: str, module: nn.AdaptiveAvgPool2d) -> None:
        step = self._last(path, module)
        if module.output_size not in (1, (1, 1)) or self.flat or not step.relu:
            raise BitrainError(
                f"{path}: AdaptiveAvgPool2d must reduce a map to one pixel, between a ReLU and "
                "Flatten with a Linear"
            )
        self.averaged = True

    def conv(self, path: str, module: nn.Conv2d) -> None:
        if module.dilation != (1, 1):
            raise BitrainError(f"{path}: Conv2d with dilation={module.dilation}; use dilation=1")
        if isinstance(module.padding, str) or module.padding_mode != "zeros":
            raise BitrainError(
                f"{path}: Conv2d with padding={module.padding!r}, mode {module.padding_mode!r}; "
                "use zero padding given as a number"
            )
        if self.flat or module.in_channels != self.shape.channels:
            found = f"a flattened input of {self.shape.size}" if self.flat else _by(self.shape)
            raise BitrainError(
                f"{path}: Conv2d of {module.in_channels} channels reads {found}; make them fit"
            )
        self._open(
            FloatLayer(
                name=path,
                kind="conv2d",
                in_shape=self.shape,
                weight=module.weight.detach().clone(),
                bias=_bias(module),
                groups=module.groups,
                stride=_pair(module.stride),
                padding=_pair(module.padding),
            )
        )

    def linear(self, path: str, module: nn.Linear) -> None:
        if not self.flat and self.shape[1:] != (1, 1):
            raise BitrainError(
                f"{path}: Linear reads a map of {_by(self.shape)}; put nn.Flatten() before it"
            )
        size = self.shape.channels if self.averaged else self.shape.size
        if module.in_features != size:
            raise BitrainError(
                f"{path}: Linear of {module.in_features} inputs reads {size}; make them fit"
            )
        weight = module.weight.detach().clone()
        if self.averaged:
            # The mean over a map, as a sum in which every pixel has its share of the weight.
            area = self.shape.height * self.shape.width
            weight = (weight / area).repeat_interleave(area, 1)
            self.averaged = False
        self._open(
            FloatLayer(
                name=path,
                kind="linear",
                in_shape=Shape(self.shape.size, 1, 1),
                weight=weight[:, :, None, None],
                bias=_bias(module),
            )
        )

    def batch_norm(self, path: str, module: nn.BatchNorm2d) -> None:
        step = self._last(path, module)
        if step.kind != "conv2d" or step.relu or step.pool or self.flat:
            raise BitrainError(
                f"{path}: BatchNorm2d does not follow a Conv2d directly; put it right after one"
            )
        if module.running_mean is None or module.running_var is None:
            raise BitrainError(
                f"{path}: BatchNorm2d keeps no running statistics; use track_running_stats=True"
            )
        gain = (module.running_var + module.eps).rsqrt()
        offset = -module.running_mean * gain
        if module.affine:
            gain, offset = gain * module.weight, offset * module.weight + module.bias
        gain, offset = gain.detach(), offset.detach()
        self.steps[-1] = replace(
            step, weight=step.weight * gain[:, None, None, None], bias=step.bias * gain + offset
        )

    def relu(self, path: str, module: nn.ReLU) -> None:
        self.steps[-1] = replace(self._last(path, module), relu=True)
        self.relu_path = path

    def max_pool(self, path: str, module: nn.MaxPool2d) -> None:
        step = self._last(path, module)
        if step.kind != "conv2d" or step.pool or self.flat:
            raise BitrainError(
                f"{path}: MaxPool2d must follow a Conv2d and its ReLU, one for each Conv2d"
            )
        if _pair(module.padding) != (0, 0):
            raise BitrainError(f"{path}: MaxPool2d with padding={module.padding}; use padding=0")
        if _pair(module.dilation) != (1, 1):
            raise BitrainError(f"{path}: MaxPool2d with dilation={module.dilation}; use dilation=1")
        if module.ceil_mode or module.return_indices:
            option = "ceil_mode" if module.ceil_mode else "return_indices"
            raise BitrainError(f"{path}: MaxPool2d with {option}=True; use {option}=False")
        pool = MaxPool2d(kernel=_pair(module.kernel_size), stride=_pair(module.stride))
        self.steps[-1] = replace(step, pool=pool)
        self.pool_path = path

    def flatten(self, path: str, module: nn.Flatten) -> None:
        if (module.start_dim, module.end_dim) != (1, -1):
            raise BitrainError(f"{path}: Flatten of some dimensions only; use nn.Flatten()")
        self.flat = True

    def _open(self, step: FloatLayer) -> None:
        if self.averaged:
            raise BitrainError(
                f"{step.name}: reads an average that can only be read by a Linear; put one there"
            )
        if self.steps and not self.steps[-1].relu:
            raise BitrainError(
                f"{step.name}: reads {self.steps[-1].name} without a ReLU between them; put "
                "nn.ReLU() before it, activations are unipolar"
            )
        self.steps.append(step)

    def _last(self, path: str, module: nn.Module) -> FloatLayer:
        if not self.steps:
            raise BitrainError(
                f"{path}: {type(module).__name__} before the first Conv2d or Linear; remove it"
            )
        return self.steps[-1]


def _bias(module: nn.Conv2d | nn.Linear) -> Tensor:
    if module.bias is None:
        return torch.zeros(len(module.weight))
    return module.bias.detach().clone()


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _by(shape: Shape) -> str:
    return " x ".join(str(size) for size in shape)
