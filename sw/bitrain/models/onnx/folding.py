"""What does not depend on the image is computed once, and quantisers are taken out."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from bitrain.spec import BitrainError

from .file import DOMAINS, QUANTISER_DOMAINS, Image, names_of, spelt
from .quantisers import (
    Clipping,
    Grid,
    Quantiser,
    applied,
    options_of,
    range_of,
)

CHANCE = frozenset(
    ["RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Bernoulli"]
)

LAYOUT = frozenset(["Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"])


def evaluated(node: onnx.NodeProto, opset: int, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """What a node gives for constants, by ONNX's own reference implementation."""
    with np.errstate(all="ignore"):
        found = ReferenceEvaluator(node, opsets={"": opset}).run(None, inputs)
    return [np.asarray(each) for each in found]


@dataclass(frozen=True)
class Folded:
    """A model of ONNX's own operators, each of which depends on the image."""

    model: onnx.ModelProto
    opset: int
    image: Image
    output: str
    quantisers: list[Quantiser]
    """Those that were taken out."""
    path: Path


def fold(model: onnx.ModelProto, path: Path, image: Image, output: str) -> Folded:
    """Compute what is constant, and take quantisers out.

    Raises :class:`BitrainError` naming a node that cannot be.
    """
    try:
        folder = _Folder(model, image.name)
    except BitrainError as error:
        raise BitrainError(f"model {path}: {error}") from error
    return Folded(folder.model, folder.opset, image, output, folder.quantisers, path)


class _Folder:
    def __init__(self, model: onnx.ModelProto, image: str):
        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self.opset = max(each.version for each in model.opset_import if each.domain in DOMAINS)
        self.quantisers: list[Quantiser] = []
        self.constants: dict[str, np.ndarray] = {}
        self._grids: dict[str, Grid] = {}
        """Of values that are whole numbers."""
        self._images = {image}
        """Values that are the image, its elements perhaps in another order."""
        graph = self.model.graph
        for tensor in graph.initializer:
            self.constants[tensor.name] = numpy_helper.to_array(tensor)
        self._ranks = _ranks(model)
        nodes = [new for node in graph.node for new in self._folded(node)]
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(_needed(nodes, graph))
        read = {name for node in graph.node for name in names_of(node)}
        for name in sorted(read & self.constants.keys()):
            graph.initializer.append(numpy_helper.from_array(self.constants[name], name))
        kept = [each for each in graph.input if each.name not in self.constants]
        del graph.input[:]
        graph.input.extend(kept)
        del self.model.opset_import[:]
        self.model.opset_import.append(helper.make_opsetid("", self.opset))

    def _folded(self, node: onnx.NodeProto) -> list[onnx.NodeProto]:
        """What stands in the place of a node: nothing where it is a constant."""
        if node.op_type in CHANCE:
            raise BitrainError(f"{spelt(node)}: it depends on chance")
        is_quantiser = node.domain.startswith(QUANTISER_DOMAINS)
        names = names_of(node)
        if all(name in self.constants for name in names):
            self._evaluate(node, is_quantiser=is_quantiser)
            return []
        if node.op_type in LAYOUT and node.input[0] in self._images:
            self._images.add(node.output[0])
        rank = self._ranks.get(node.input[0]) if node.input else None
        clipping = Clipping(node, self.constants, rank)
        if is_quantiser:
            if bits := clipping.quant(of_image=node.input[0] in self._images):
                self.quantisers.append(Quantiser(bits, of_weights=False))
        elif node.op_type == "QuantizeLinear":
            self._grids[node.output[0]] = clipping.quantize()
        elif node.op_type == "DequantizeLinear":
            grid = self._grids.get(node.input[0])
            of_image = grid is not None and grid.source in self._images
            clipping.dequantize(grid, of_image=of_image)
            if grid is not None:
                self.quantisers.append(Quantiser(grid.bits, of_weights=False))
        else:
            self._narrow(node)
            return [node]
        for tensor in clipping.tensors:
            self.constants[tensor.name] = numpy_helper.to_array(tensor)
        return clipping.nodes

    def _narrow(self, node: onnx.NodeProto) -> None:
        """Follow whole numbers through a clip: so are fewer bits written than a type has."""
        grid = self._grids.get(node.input[0]) if node.input else None
        if grid is None or node.op_type != "Clip":
            return
        low, high = grid.ends
        first, last, *_ = *node.input[1:], "", ""
        if first in self.constants:
            low = max(low, float(self.constants[first]))
        if last in self.constants:
            high = min(high, float(self.constants[last]))
        self._grids[node.output[0]] = replace(grid, ends=(low, high))

    def _evaluate(self, node: onnx.NodeProto, *, is_quantiser: bool) -> None:
        inputs = {name: self.constants[name] for name in names_of(node)}
        if is_quantiser:
            value, bits = applied(node, [self.constants[name] for name in node.input])
            self.quantisers.append(Quantiser(bits, of_weights=True))
            self.constants[node.output[0]] = value
            return
        try:
            found = evaluated(node, self.opset, inputs)
        except Exception as error:  # the reference has many ways to say no
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise BitrainError(
                f"{spelt(node)} cannot be computed from its constants ({reason})"
            ) from error
        self.constants.update(zip(node.output, found, strict=False))
        if node.op_type == "QuantizeLinear":
            self._grids[node.output[0]] = _grid_of(found[0], node)
        elif node.op_type == "DequantizeLinear" and found[0].ndim > 1:  # no biases
            weights = self.constants[node.input[0]]
            grid = self._grids.get(node.input[0]) or _grid_of(weights, node)
            self.quantisers.append(Quantiser(grid.bits, of_weights=True))
        else:
            self._narrow(node)


def _grid_of(weights: np.ndarray, node: onnx.NodeProto) -> Grid:
    return Grid(node.input[0], np.ones(()), np.zeros(()), range_of(weights.dtype, node))


def _ranks(model: onnx.ModelProto) -> dict[str, int]:
    """Dimensions of the values whose shape is known."""
    try:
        graph = onnx.shape_inference.infer_shapes(model).graph
    except (onnx.shape_inference.InferenceError, ValueError):
        graph = model.graph
    return {
        each.name: len(each.type.tensor_type.shape.dim)
        for each in (*graph.value_info, *graph.input, *graph.output)
        if each.type.tensor_type.HasField("shape")
    }


def _needed(nodes: list[onnx.NodeProto], graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """Those that the scores depend on, in order."""
    wanted, kept = {each.name for each in graph.output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(names_of(node))
    return kept[::-1]


def attributes(node: onnx.NodeProto, opset: int) -> dict[str, Any]:
    """Attributes of a node of ONNX's own operators, with the defaults of its version."""
    schema = onnx.defs.get_schema(node.op_type, opset, "")
    defaults = {
        name: helper.get_attribute_value(each.default_value)
        for name, each in schema.attributes.items()
        if each.default_value.name
    }
    return {**defaults, **options_of(node)}
