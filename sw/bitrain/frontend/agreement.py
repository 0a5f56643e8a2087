"""A chain compared with the model that it was read from, module by module.

A model is read by the types and attributes of its modules. Hooks, a forward method that was
replaced and weights that are made elsewhere do not show in them, so the comparison is what says
that a chain computes what the model does.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from bitrain.models import evaluating
from bitrain.spec import BitrainError, Shape

from .float_layer import FloatLayer, walk

TOLERANCE = 1e-4
"""Largest difference, as a share of the largest value there. Float rounding stays far below."""
RANDOM_IMAGES = 4


class Place(NamedTuple):
    """Where a step of the chain ends in the model."""

    path: str
    module: nn.Module
    call: int
    """Which call of the module, from 0: modules may be used twice."""


def check_agreement(
    model: nn.Module,
    read: Callable[[], tuple[list[FloatLayer], dict[int, Place]]],
    in_shape: Shape,
    images: Tensor | None = None,
) -> list[FloatLayer]:
    """The chain that ``read`` gives, if it computes what ``model`` does in evaluation mode.

    read: gives steps, and where they end by their numbers; steps that stand for no module end
    nowhere. It is called again once the model has run, as pruning and weight norm make weights
    then. images: real ones (batch, channels, rows, columns), beside random ones. Raises
    :class:`BitrainError` naming the first module that gives anything else.
    """
    generator = torch.Generator().manual_seed(0)
    batch = torch.rand(RANDOM_IMAGES, *in_shape, generator=generator)
    with evaluating(model):
        _, places = read()
        if images is not None:
            batch = torch.cat([batch, images])
        given, scores = _outputs(model, places, batch)
        chain, _ = read()
    last = len(chain) - 1

    def step(index: int, activations: Tensor, added: Tensor | None) -> Tensor:
        sums = chain[index].accumulate(activations, added)
        ours, largest = chain[index].finish(sums), float(sums.abs().max())
        if index in places:
            _compare(places[index].path, chain[index].name, ours, given[index], largest)
        if index == last:
            _compare(type(model).__name__, chain[0].name, ours, scores, largest)
            return ours
        # The model's own values go on, so that rounding does not add up from step to step.
        return given[index].to(ours).reshape(ours.shape) if index in places else ours

    with torch.no_grad():
        walk(chain, batch.to(chain[0].weight.device), step)
    return chain


def _compare(path: str, first: str, ours: Tensor, theirs: Tensor | None, largest: float) -> None:
    """first: where what ends at ``path`` begins."""
    if (off := _difference(ours, theirs, largest)) <= TOLERANCE:
        return
    if not (ours.isfinite().all() and (theirs is None or theirs.isfinite().all())):
        raise BitrainError(f"{path}: gives values that are not finite; train the model again")
    raise BitrainError(
        f"{path}: the model gives other values here than its modules from {first} on say (off by "
        f"{off:.1e} of the largest); hooks and replaced forward methods are not read, write what "
        "they do as modules"
    )


def _difference(ours: Tensor, theirs: Tensor | None, largest: float) -> float:
    """Greatest difference as a share of the largest value; infinite where none can be told."""
    if theirs is None or theirs.numel() != ours.numel():
        return float("inf")
    theirs = theirs.to(ours).reshape(ours.shape)
    full_scale = max(largest, float(theirs.abs().max()))
    difference = float((ours - theirs).abs().max())
    return difference / full_scale if difference else 0.0


@torch.no_grad()
def _outputs(
    model: nn.Module, places: Mapping[int, Place], images: Tensor
) -> tuple[dict[int, Any], Tensor]:
    """What the model gives at each place, None where it does not get there, and in the end."""
    calls: dict[nn.Module, list[Tensor]] = defaultdict(list)

    def keep(module: nn.Module, _inputs: Any, output: Any) -> None:
        calls[module].append(output.clone())

    parameter = next(model.parameters())
    with ExitStack() as stack:
        for module in {place.module for place in places.values()}:
            stack.callback(module.register_forward_hook(keep).remove)
        try:
            scores = model(images.to(parameter))
        except Exception as error:  # it may be the user's program
            size = " x ".join(map(str, images.shape[1:]))
            reason = str(error).partition("\n")[0]
            raise BitrainError(f"the model does not run on images of {size}: {reason}") from error
    given = {
        index: outputs[place.call] if len(outputs := calls[place.module]) > place.call else None
        for index, place in places.items()
    }
    return given, scores
