"""A chain compared with the model that it was made of, step by step."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from bitrain.spec import BitrainError

from .float_layer import FloatLayer, walk
from .graph import Graph
from .operations import Node

TOLERANCE = 1e-4
"""Largest difference, as a share of the largest value there. Float rounding stays far below."""


def check_agreement(
    chain: Sequence[FloatLayer], ends: Sequence[Node], lows: Mapping[Node, Tensor], graph: Graph
) -> None:
    """Raise :class:`BitrainError` naming the first step that gives anything else than the model.

    ends: of the graph, whose values each step stores. lows: what is zero in what is stored.
    """
    images, last = graph.image.value, len(chain) - 1
    assert images is not None

    def step(index: int, activations: Tensor, added: Tensor | None) -> Tensor:
        layer, node = chain[index], ends[index]
        sums = layer.accumulate(activations, added)
        ours, largest = layer.finish(sums), float(sums.abs().max())
        if node.value is None:
            return ours
        wanted = node.value if index == last else node.value - lows[node][:, None, None]
        _compare(layer.name, ours, wanted.reshape(ours.shape), largest)
        # The model's own values go on, so that rounding does not add up from step to step.
        return wanted.reshape(ours.shape)

    with torch.no_grad():
        walk(chain, images, step)


def _compare(name: str, ours: Tensor, wanted: Tensor, largest: float) -> None:
    if not (ours.isfinite().all() and wanted.isfinite().all()):
        raise BitrainError(f"{name}: gives values that are not finite; train the model again")
    full_scale = max(largest, float(wanted.abs().max()))
    difference = float((ours - wanted).abs().max())
    if difference > TOLERANCE * full_scale:
        raise BitrainError(
            f"{name}: the model gives other values here than the layers that were made of it (off "
            f"by {difference / full_scale:.1e} of the largest); nothing was converted, please "
            "report this as a bug"
        )
