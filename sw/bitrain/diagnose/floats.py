"""The float model that a network was made of, as layers to compare it with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from torch import nn

from bitrain.data import Dataset
from bitrain.frontend import FloatLayer, read_model
from bitrain.models import Program, create_model, model_digest, normalise_inputs
from bitrain.nn import ScConfig, calibration_batch
from bitrain.spec import BitrainError, Network

OWN_NUMBERS = "its own numbers, without streams and without rounding"
"""What float stands for, where there is no float model."""
EQUAL = "the ranges of its channels were made equal"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a network is compared with."""

    told: str
    """In words."""
    chain: list[FloatLayer] | None = None
    """Layers of the float model; None: its own numbers."""
    config: ScConfig | None = None
    """How it was converted, if the network says it."""


def find_reference(
    network: Network, dataset: Dataset, model: str | None = None, weights: str | None = None
) -> Reference:
    """The float model that is given, else the one that the network remembers, if it is still there.

    dataset: the one of the conversion, whose images the offsets of maps with negative numbers are
    for. Training in the accelerator's arithmetic moves the weights away from the float model, so
    that of such a network it counts only where it is asked for. Raises :class:`BitrainError` where
    what is given is not the model of the network.
    """
    recipe: dict[str, Any] = network.metadata.get("recipe", {})
    name, asked = model or recipe.get("model"), model is not None or weights is not None
    if not asked:
        weights = recipe.get("weights")
        if is_tuned(network) or name is None:
            return Reference(told=OWN_NUMBERS)
        if recipe.get("equal"):
            return Reference(told=f"{OWN_NUMBERS}: {EQUAL}")
    if name is None:
        raise BitrainError(f"network {network.name!r} does not say its model; give --model")
    if recipe.get("equal"):
        raise BitrainError(
            f"network {network.name!r}: {EQUAL}, so that the model's layers are others; leave "
            "--model and --weights out"
        )
    try:
        found = create_model(name, dataset.in_shape, dataset.num_classes, pretrained=weights)
    except BitrainError as error:
        if asked:
            raise
        return Reference(told=f"{OWN_NUMBERS}: {error}")
    same = recipe.get("digest") == model_digest(found)
    whole = weights is not None or isinstance(found, Program) or same
    if not asked and not same:
        why = f": {weights or name} gives other weights now" if "digest" in recipe else ""
        return Reference(told=OWN_NUMBERS + why)
    if not whole:
        raise BitrainError(f"--model {name}: give its trained weights too (--weights)")
    config = _config(recipe)
    chain = _layers(network, found, name, dataset, config)
    return Reference(told=f"the float model {name}", chain=chain, config=config)


def is_tuned(network: Network) -> bool:
    """Whether the network was trained in the accelerator's arithmetic."""
    return bool(network.metadata.get("recipe", {}).get("finetune", {}).get("epochs"))


def _config(recipe: dict[str, Any]) -> ScConfig | None:
    try:
        return ScConfig.model_validate(recipe["sc"])
    except (KeyError, ValidationError):  # none, or one of another version
        return None


def _layers(
    network: Network, model: nn.Module, name: str, dataset: Dataset, config: ScConfig | None
) -> list[FloatLayer]:
    """Its layers, read as they were; :class:`BitrainError` where the network's are others."""
    recipe = network.metadata.get("recipe", {})
    mean: Sequence[float] | None = recipe.get("mean")
    std: Sequence[float] | None = recipe.get("std")
    if mean is not None and std is not None:
        normalise_inputs(model, mean, std, dataset.in_shape)
    count = (config or ScConfig()).calibration_images
    chain = read_model(
        model,
        dataset.in_shape,
        calibration_batch(dataset.train_images, dataset.in_shape, count),
        replace_activations=recipe.get("replace_activations", False),
        exact_borders=recipe.get("exact_borders", False),
    ).chain
    ours, theirs = (
        [f"{layer.name} {tuple(layer.weight.shape)}" for layer in layers]
        for layers in (network.layers, chain)
    )
    for index in range(max(len(ours), len(theirs))):
        wanted, found = (each[index] if index < len(each) else "none" for each in (ours, theirs))
        if wanted != found:
            raise BitrainError(
                f"model {name}: layer {index} is {found}, in network {network.name!r} {wanted}; "
                "give the model that the network was made of"
            )
    return chain
