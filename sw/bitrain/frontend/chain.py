"""A trained ``nn.Sequential`` read as a chain of engine steps, or refused with a reason.

A step is a Conv2d or Linear with what follows it: BatchNorm2d, folded into weights and bias (S.
Ioffe and C. Szegedy, *Batch Normalization*, arXiv:1502.03167), and ReLU and MaxPool2d in either
order, which are equal. A residual block is its body's steps, the last of which adds the block's
input, or has its projection among its weights; a concatenation is its body's steps, the last of
which is put behind the block's input in memory; another :class:`Block` is its modules. Average
pooling is a step of its own, but of the whole map it is folded into the Linear that follows it.
"""

from collections import Counter
from dataclasses import replace

from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from bitrain.models import Block, Concatenate, Residual, Subsample
from bitrain.spec import BitrainError, Shape

from .agreement import Place, check_agreement
from .float_layer import FloatLayer, FloatShortcut
from .projection import projection_step, subsampling, with_projection
from .steps import average_step, conv_step, copy_step, fold_norm, linear_step, pool_of
from .supported import IGNORED, SUPPORTED, refusal


def read_chain(model: nn.Module, in_shape: Shape, images: Tensor | None = None) -> list[FloatLayer]:
    """The steps of ``model`` for images of ``in_shape``, with evaluation-mode batch norm folded.

    images: real ones (batch, *in_shape), on which the steps are compared with the model, beside
    random ones. Raises :class:`BitrainError` naming the first module that the accelerator cannot
    run, or that does not compute what its type and attributes say.
    """
    return check_agreement(model, lambda: _read(model, in_shape), in_shape, images)


def read_steps(model: nn.Module, in_shape: Shape) -> list[FloatLayer]:
    """As :func:`read_chain`, but as the modules say, for costs: not compared with the model."""
    return _read(model, in_shape)[0]


def _read(model: nn.Module, in_shape: Shape) -> tuple[list[FloatLayer], dict[int, Place]]:
    if type(model) is not nn.Sequential:
        raise BitrainError(
            f"{type(model).__name__} is not an nn.Sequential; build the model from {SUPPORTED}"
        )
    reader = _Reader(Shape(*in_shape))
    reader.read("", model)
    return reader.finish(), reader.ends


_CONTAINERS = (nn.Sequential, Block, Concatenate)
"""A step within one of them ends where a module of it ends."""


class _Reader:
    """Walks through the modules in order; the last of ``steps`` is under construction."""

    def __init__(self, in_shape: Shape):
        self.shape = in_shape
        self.flat = False
        self.averaged = False
        self.parts: tuple[int, ...] = (-1,)
        """Whose outputs the next step reads, first channels first; -1 stands for the image."""
        self.beside = 0
        """Channels that the last step's output lies behind."""
        self.steps: list[FloatLayer] = []
        self.ends: dict[int, Place] = {}
        """The last module of each step that modules give, by its number."""
        self.calls: Counter[nn.Module] = Counter()
        self.relu_path = self.pool_path = ""
        self.readers = {
            nn.Sequential: self.sequential,
            Block: self.sequential,
            Residual: self.residual,
            Concatenate: self.concatenate,
            nn.Conv2d: self.conv,
            nn.Linear: self.linear,
            nn.BatchNorm2d: self.batch_norm,
            nn.ReLU: self.relu,
            nn.MaxPool2d: self.max_pool,
            nn.AvgPool2d: self.average_pool,
            nn.AdaptiveAvgPool2d: self.average,
            nn.Flatten: self.flatten,
        }

    def read(self, path: str, module: nn.Module) -> None:
        kind = type_before_parametrizations(module)
        if kind in IGNORED:
            return
        if kind not in self.readers:
            raise refusal(path, module)
        before = self.steps[-1] if self.steps else None
        self.readers[kind](path, module)
        if kind not in _CONTAINERS and self.steps and self.steps[-1] is not before:
            self.ends[len(self.steps) - 1] = Place(path, module, self.calls[module])
        self.calls[module] += 1
        if self.steps:
            try:
                channels, height, width = self.steps[-1].out_shape
            except ValidationError as error:
                message = error.errors()[0]["msg"].removeprefix("Value error, ")
                raise BitrainError(
                    f"{path}: {message}; give larger images or remove the layer"
                ) from error
            self.shape = Shape(self.beside + channels, height, width)

    def finish(self) -> list[FloatLayer]:
        if not self.steps:
            raise BitrainError("the model has no Conv2d or Linear; there is nothing to compute")
        for step in self.steps:
            if not (step.weight.isfinite().all() and step.bias.isfinite().all()):
                raise BitrainError(f"{step.name}: weights hold NaN or infinity; train again")
        name = self.steps[-1].name
        if self.beside or not self.steps[-1].trained:
            kind = "Concatenate" if self.beside else "AvgPool2d"
            raise BitrainError(
                f"{name}: {kind} is the last module; put a layer that gives the scores after it"
            )
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
        take = module.shortcut
        if isinstance(take, nn.Identity):
            take = Subsample(self.shape.channels, self.shape.channels, 1)
        if not isinstance(take, Subsample):
            self._projected(path, module)
            return
        source, before = len(self.steps) - 1, self.shape
        if source < 0 or not self.steps[source].relu:
            raise BitrainError(
                f"{path}: Residual does not follow a ReLU; put a Conv2d with nn.ReLU() before it"
            )
        if len(self.parts) > 1:
            # A shortcut adds one layer's output, which has one scale.
            self._open(copy_step(path, before))
            source = len(self.steps) - 1
        last = self._read_body(path, module)
        channels = before.channels + take.before + take.after
        rows, columns = (-(-size // take.stride) for size in before[1:])
        self._check_sum(path, Shape(channels, rows, columns))
        self.steps[-1] = replace(last, relu=True, shortcut=FloatShortcut(source, take))
        self.relu_path = path

    def _projected(self, path: str, module: Residual) -> None:
        projection = projection_step(f"{path}.shortcut", module.shortcut, self.shape)
        if projection.weight.shape[1] != self.shape.channels:
            raise BitrainError(
                f"{path}.shortcut: Conv2d of {projection.weight.shape[1]} channels reads "
                f"{_by(self.shape)}; make them fit"
            )
        inputs, before, count = self.parts, self.shape, len(self.steps)
        last = self._read_body(path, module)
        self._check_sum(path, projection.out_shape)
        strides = subsampling(last, projection)
        if strides is None:
            raise BitrainError(
                f"{path}: the body's last Conv2d must have no groups, padding below its kernel, "
                "and a stride that divides the shortcut's"
            )
        self.steps.pop()
        self.ends.pop(len(self.steps), None)  # another step may take its place
        beside = len(self.steps) > count
        if beside:
            copy = copy_step(f"{path}.shortcut", before, stride=strides)
            behind = len(self.steps) - 1
            self.steps.append(replace(copy, source=inputs[-1], concat_after=behind))
        self.steps.append(replace(with_projection(last, projection, beside=beside), relu=True))
        self.parts, self.relu_path = (len(self.steps) - 1,), path

    def _read_body(self, path: str, module: Residual) -> FloatLayer:
        """The last step of a residual block's body, to which its input is added."""
        count = len(self.steps)
        self.read(f"{path}.body", module.body)
        if len(self.steps) == count or self.steps[-1].relu or self.steps[-1].pool or self.flat:
            raise BitrainError(
                f"{path}.body: expected at least one Conv2d, and no ReLU, pooling or Flatten at "
                "its end; the block adds its input there and has a ReLU of its own"
            )
        return self.steps[-1]

    def _check_sum(self, path: str, added: Shape) -> None:
        if self.shape != added:
            raise BitrainError(
                f"{path}: the body gives {_by(self.shape)}, the shortcut {_by(added)}; make them "
                "fit"
            )

    def concatenate(self, path: str, module: Concatenate) -> None:
        inputs, before, count = self.parts, self.shape, len(self.steps)
        self.read(f"{path}.body", module.body)
        last = self.steps[-1] if len(self.steps) > count else None
        if last is None or not last.relu or self.flat or self.averaged or self.beside:
            raise BitrainError(
                f"{path}.body: expected at least one Conv2d with nn.ReLU(), and no Concatenate, "
                "Flatten or AdaptiveAvgPool2d at its end"
            )
        if self.shape[1:] != before[1:]:
            raise BitrainError(
                f"{path}: the body gives {_by(self.shape)}, which cannot be put beside "
                f"{_by(before)}; make rows and columns fit"
            )
        if any(step.concat_after == inputs[-1] for step in self.steps):
            raise BitrainError(
                f"{path}.body: begins with a Concatenate of the same input, and memory has one "
                "place behind it; put a Conv2d with nn.ReLU() first"
            )
        self.steps[-1] = replace(last, concat_after=inputs[-1])
        self.parts, self.beside = (*inputs, len(self.steps) - 1), before.channels

    def average(self, path: str, module: nn.AdaptiveAvgPool2d) -> None:
        step = self._last(path, module)
        if module.output_size not in (1, (1, 1), [1, 1]) or self.flat or not step.relu:
            raise BitrainError(
                f"{path}: AdaptiveAvgPool2d must reduce a map to one pixel, between a ReLU and "
                "Flatten with a Linear"
            )
        self.averaged = True

    def average_pool(self, path: str, module: nn.AvgPool2d) -> None:
        if self.flat:
            raise BitrainError(f"{path}: AvgPool2d reads a flattened input; put it before Flatten")
        self._open(average_step(path, module, self.shape))

    def conv(self, path: str, module: nn.Conv2d) -> None:
        step = conv_step(path, module, self.shape)
        if self.flat or module.in_channels != self.shape.channels:
            found = f"a flattened input of {self.shape.size}" if self.flat else _by(self.shape)
            raise BitrainError(
                f"{path}: Conv2d of {module.in_channels} channels reads {found}; make them fit"
            )
        self._open(step)

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
        averaged, self.averaged = self.averaged, False
        self._open(linear_step(path, module, self.shape, averaged=averaged))

    def batch_norm(self, path: str, module: nn.BatchNorm2d) -> None:
        step = self._last(path, module)
        if step.kind != "conv2d" or step.relu or step.pool or self.flat:
            raise BitrainError(
                f"{path}: BatchNorm2d does not follow a Conv2d directly; put it right after one"
            )
        self.steps[-1] = fold_norm(path, module, step)

    def relu(self, path: str, module: nn.ReLU) -> None:
        self.steps[-1] = replace(self._last(path, module), relu=True)
        self.relu_path = path

    def max_pool(self, path: str, module: nn.MaxPool2d) -> None:
        step = self._last(path, module)
        pooled = step.pool and not self.beside
        if step.kind != "conv2d" or pooled or self.flat:
            raise BitrainError(
                f"{path}: MaxPool2d must follow a Conv2d and its ReLU, one for each Conv2d"
            )
        pool = pool_of(path, module)
        if self.beside:
            # Pooling belongs to a step, and these channels are of several.
            self._open(copy_step(path, self.shape))
        self.steps[-1] = replace(self.steps[-1], pool=pool)
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
        self.parts, self.beside = (len(self.steps) - 1,), 0

    def _last(self, path: str, module: nn.Module) -> FloatLayer:
        if not self.steps:
            raise BitrainError(
                f"{path}: {type(module).__name__} before the first Conv2d or Linear; remove it"
            )
        return self.steps[-1]


def _by(shape: Shape) -> str:
    return " x ".join(str(size) for size in shape)
