"""The graph of an ONNX file as a torch module."""

import re
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from bitrain.spec import BitrainError, Shape

from ..programs import Program
from .file import CHANNELS_FIRST, read_image, read_model, read_output, spelt
from .folding import Folded, attributes, evaluated, fold
from .operators import FIXED, OPERATORS, REFUSED
from .quantisers import told
from .runtime import Runtime

TOLERANCE = 1e-4
"""Largest difference from the runtime's scores, as a share of the largest."""
CHECKED = 4
"""Random images that a module is compared on."""
WAY_OUT = "recast the block that holds it into convolutions, in the framework that wrote the file"


class Step(nn.Module):
    """A node of the graph: its operator's function, with its attributes."""

    def __init__(self, node: onnx.NodeProto, opset: int):
        super().__init__()
        self.kind = node.op_type
        self.names = f"{', '.join(node.input)} -> {', '.join(node.output)}"
        self.attributes = attributes(node, opset) | {"outputs": len(node.output), "opset": opset}

    def extra_repr(self) -> str:
        """All that it computes with besides constants: digests of models hold it."""
        return f"{self.names}, {self.attributes}"

    def forward(self, *inputs: Any) -> Any:
        """Tensors, or arrays of what fixes shapes, to one tensor or several."""
        return OPERATORS[self.kind](self.attributes, *inputs)


def _step(node: onnx.NodeProto, opset: int) -> Step:
    """Of a class by the name of the operator, which torch.export tells of each operation."""
    named = {"__module__": "onnx", "__qualname__": node.op_type}
    return type(node.op_type, (Step,), named)(node, opset)


class OnnxModule(Program):
    """Images (batch, channels, rows, columns) in 0 … 1 to scores, as the file's graph has them.

    Quantisers of weights are applied; those of activations are clips.
    """

    def __init__(self, folded: Folded, order: tuple[int, ...]):
        super().__init__()
        self.folded = folded
        self.order = order
        """How a batch of images is permuted before the graph reads it."""
        self.batch = folded.image.batch
        self.arrays: dict[str, np.ndarray] = {}
        self.buffer_names: dict[str, str] = {}
        """By the names of constants in the file."""
        for tensor in folded.model.graph.initializer:
            self.arrays[tensor.name] = numpy_helper.to_array(tensor)
            self.buffer_names[tensor.name] = f"constant{len(self.buffer_names)}"
            self.register_buffer(self.buffer_names[tensor.name], _tensor(self.arrays[tensor.name]))
        self.nodes = list(folded.model.graph.node)
        self.steps = nn.ModuleList(_step(node, folded.opset) for node in self.nodes)
        self.notes = tuple(_notes(folded, order))
        self.paths = {f"steps.{i}": path_of(node) for i, node in enumerate(self.nodes)}

    def forward(self, images: Tensor) -> Tensor:
        """Scores of each image; a graph of a fixed batch is run once for each so many."""
        if self.batch in (None, len(images)):
            return self._run(images)
        missing = -len(images) % self.batch
        whole = torch.cat([images, images[:1].expand(missing, *images.shape[1:])])
        return torch.cat([self._run(part) for part in whole.split(self.batch)])[: len(images)]

    def arranged(self, images: Tensor) -> Tensor:
        """Images as the graph reads them."""
        shape = len(images), *self.folded.image.shape
        images = images if self.order == CHANNELS_FIRST else images.permute(self.order)
        return images if images.shape == shape else images.reshape(shape)

    def _run(self, images: Tensor) -> Tensor:
        values: dict[str, Any] = {self.folded.image.name: self.arranged(images)}
        for node, step in zip(self.nodes, self.steps, strict=True):
            try:
                found = self._found(node, step, values)
            except BitrainError as error:
                raise BitrainError(f"model {self.folded.path}: {spelt(node)}: {error}") from error
            outputs = found if isinstance(found, list | tuple) else [found]
            values.update(zip(node.output, outputs, strict=False))
        return values[self.folded.output]

    def _found(self, node: onnx.NodeProto, step: nn.Module, values: dict[str, Any]) -> Any:
        """What a node gives: arrays of NumPy where it depends on the size of the batch alone."""
        given = [values.get(name, self.arrays.get(name)) for name in node.input]
        if isinstance(given[0] if given else None, Tensor) and node.op_type in ("Shape", "Size"):
            return _sizes(node, given[0], self.folded.opset)
        if not any(isinstance(each, Tensor) for each in given):
            named = zip(node.input, given, strict=True)
            return evaluated(node, self.folded.opset, {name: x for name, x in named if name})
        if node.op_type in REFUSED:
            raise BitrainError(f"{REFUSED[node.op_type]}; {WAY_OUT}")
        if node.op_type not in OPERATORS:
            raise BitrainError(f"it is not supported; {WAY_OUT}")
        inputs = []
        for i, (name, value) in enumerate(zip(node.input, given, strict=True)):
            if i in FIXED.get(node.op_type, ()):
                if isinstance(value, Tensor):
                    raise BitrainError(f"its input {i} ({name}) depends on the image; {WAY_OUT}")
            elif isinstance(value, np.ndarray | np.generic):
                buffer = self.buffer_names.get(name)
                value = _tensor(value) if buffer is None else getattr(self, buffer)
            inputs.append(value)
        try:
            return step(*inputs)
        except (RuntimeError, IndexError, ValueError) as error:
            line = str(error).partition("\n")[0]
            raise BitrainError(f"does not fit what it reads: {line}; export it again") from error


def _notes(folded: Folded, order: tuple[int, ...]) -> Iterator[str]:
    if order != CHANNELS_FIRST:
        yield "it reads images whose channels come last"
    if folded.quantisers:
        yield (
            f"quantisers found: {told(folded.quantisers)}; those of weights are applied, those of "
            "activations became clips"
        )


def _tensor(array: Any) -> Tensor:
    tensor = torch.from_numpy(np.array(array))
    return tensor.float() if tensor.is_floating_point() else tensor


def _sizes(node: onnx.NodeProto, x: Tensor, opset: int) -> np.ndarray:
    sizes, options = np.array(x.shape, np.int64), attributes(node, opset)
    return (
        sizes.prod()
        if node.op_type == "Size"
        else sizes[options.get("start", 0) : options.get("end")]
    )


def path_of(node: onnx.NodeProto) -> str:
    """A node as a module: ``/features/features.0/Conv`` is ``features.0``."""
    for each in node.metadata_props:
        if each.key == "pkg.torch.onnx.name_scopes":
            scopes = [scope for scope in literal_eval(each.value) if scope]
            if scopes:
                return scopes[-2] if len(scopes) > 1 else scopes[-1]
    parts = [part for part in re.split(r"[/:]+", node.name or node.output[0]) if part]
    if len(parts) > 1 and re.fullmatch(rf"{node.op_type}(_\d+)?", parts[-1]):
        parts = parts[:-1]
    kept: list[str] = []
    for part in parts:
        if kept and part.startswith(f"{kept[-1]}."):
            kept.pop()
        kept.append(part)
    return ".".join(kept) or node.op_type


def load_onnx(path: Path, in_shape: Shape) -> OnnxModule:
    """Read a file for images of a shape; :class:`BitrainError` says what is wrong with it.

    The module is compared with the file's own graph, less its quantisers, on random images.
    """
    model = read_model(path)
    image, output = read_image(model.graph, path), read_output(model.graph, path)
    order = image.order(in_shape)
    if order is None:
        wanted, given = (" x ".join(map(str, shape)) for shape in (image.shape, in_shape))
        raise BitrainError(
            f"model {path}: reads images of {wanted}; those of the data set are {given} (channels, "
            "rows, columns)"
        )
    module = OnnxModule(fold(model, path, image, output), order).eval()
    _set_batch(module, in_shape)
    _compare(module, in_shape)
    return module


def _set_batch(module: OnnxModule, in_shape: Shape) -> None:
    """Find how many images a graph reads that says any number and has one in its shapes."""
    if module.batch is not None:
        return
    written = [1]
    for node in module.nodes:
        shape = module.arrays.get(node.input[1]) if node.op_type == "Reshape" else None
        if shape is not None and shape.size and shape[0] > 0:
            written.append(int(shape[0]))
    errors = []
    for count in dict.fromkeys([CHECKED, *written]):
        try:
            with torch.no_grad():
                given = module(torch.zeros(count, *in_shape))
        except BitrainError as error:
            errors.append(error)
            continue
        if len(given) == count:
            module.batch = None if count == CHECKED else count
            return
    if errors:
        raise errors[0]


def _compare(module: OnnxModule, in_shape: Shape) -> None:
    """Raise :class:`BitrainError` unless the module gives what a runtime gives."""
    folded = module.folded
    runtime = Runtime(folded)
    size = module.batch or CHECKED
    images = torch.rand(
        -(-CHECKED // size) * size, *in_shape, generator=torch.Generator().manual_seed(0)
    )
    with torch.no_grad():
        ours = module(images).numpy()
        parts = [runtime.scores(module.arranged(part).numpy()) for part in images.split(size)]
    theirs = np.concatenate(parts)
    if not np.isfinite(theirs).all():
        raise BitrainError(f"model {folded.path}: gives values that are not finite; train it again")
    largest = max(float(np.abs(theirs).max()), 1e-6)
    difference = float(np.abs(ours - theirs).max()) if ours.shape == theirs.shape else np.inf
    if difference > TOLERANCE * largest:
        raise BitrainError(
            f"model {folded.path}: {runtime.name} gives other scores than what was read of it (off "
            f"by {difference / largest:.1e} of the largest); nothing was converted, please report "
            "this as a bug"
        )
