"""The float model that a network was made of, as layers to compare it with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from bitrain.data import Dataset
from bitrain.frontend import FloatLayer, read_model
from bitrain.models import create_model, normalise_inputs
from bitrain.nn import ScConfig, calibration_batch
from bitrain.spec import BitrainError, Network

PROGRAMS = (".onnx", ".pt2")
"""Models that hold their weights."""


@dataclass(frozen=True, kw_only=True)
class FloatModel:
    """A model by its name, and how it was read."""

    model: str
    weights: str | None
    mean: Sequence[float] | None
    std: Sequence[float] | None
    exact_borders: bool
    replace_activations: bool
    sc: ScConfig | None
    """How it was converted, if the network says it."""

    @classmethod
    def of(cls, network: Network, model: str | None, weights: str | None) -> Self | None:
        """As given, else as the network remembers it; None where there is nothing to compare with.

        Training in the accelerator's arithmetic moves the weights, so that the float model of such
        a network counts only where it is asked for.
        """
        recipe: dict[str, Any] = network.metadata.get("recipe", {})
        name, remembered = model or recipe.get("model"), recipe.get("weights")
        if model is None and weights is None:
            there = remembered is not None and Path(remembered).expanduser().exists()
            program = str(name).endswith(PROGRAMS) and Path(str(name)).exists()
            if is_tuned(network) or not (there or program):
                return None
            weights = remembered
        if name is None:
            raise BitrainError(f"network {network.name!r} does not say its model; give --model")
        if weights is None and not name.endswith(PROGRAMS):
            raise BitrainError(f"--model {name}: give its trained weights too (--weights)")
        return cls(
            model=name,
            weights=weights,
            mean=recipe.get("mean"),
            std=recipe.get("std"),
            exact_borders=recipe.get("exact_borders", False),
            replace_activations=recipe.get("replace_activations", False),
            sc=_config(recipe),
        )

    def read(self, network: Network, dataset: Dataset) -> list[FloatLayer]:
        """Its layers, with the offsets that the network was given; dataset: the one of conversion.

        Raises :class:`BitrainError` where the network's layers are others.
        """
        shape = dataset.in_shape
        model = create_model(self.model, shape, dataset.num_classes, pretrained=self.weights)
        if self.mean is not None and self.std is not None:
            normalise_inputs(model, self.mean, self.std, shape)
        count = ScConfig().calibration_images if self.sc is None else self.sc.calibration_images
        chain = read_model(
            model,
            shape,
            calibration_batch(dataset.train_images, shape, count),
            replace_activations=self.replace_activations,
            exact_borders=self.exact_borders,
        ).chain
        ours, theirs = (
            [(layer.name, tuple(layer.weight.shape)) for layer in layers]
            for layers in (network.layers, chain)
        )
        if ours != theirs:
            place = next(
                (i for i, pair in enumerate(zip(ours, theirs, strict=False)) if len({*pair}) > 1),
                min(len(ours), len(theirs)),
            )
            found = theirs[place] if place < len(theirs) else "none"
            wanted = ours[place] if place < len(ours) else "none"
            raise BitrainError(
                f"model {self.model}: layer {place} is {found}, in network {network.name!r} "
                f"{wanted}; give the model that the network was made of"
            )
        return chain


def is_tuned(network: Network) -> bool:
    """Whether the network was trained in the accelerator's arithmetic."""
    return bool(network.metadata.get("recipe", {}).get("finetune", {}).get("epochs"))


def _config(recipe: dict[str, Any]) -> ScConfig | None:
    try:
        return ScConfig.model_validate(recipe["sc"])
    except (KeyError, ValidationError):  # none, or one of another version
        return None
