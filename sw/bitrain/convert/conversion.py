"""From a trained module to the network of an accelerator."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from bitrain.data import Dataset
from bitrain.export import CHECK_IMAGES, export_network
from bitrain.frontend import Origin
from bitrain.models import (
    Program,
    copy_model,
    load_weights,
    normalise_inputs,
    refuse_unreadable,
)
from bitrain.nn import ScConfig, ScModel, calibrated, calibration_batch
from bitrain.nn import convert as converted
from bitrain.spec import BitrainError, Network, plain, save_network
from bitrain.train.config import FineTuneConfig
from bitrain.train.finetune import finetune_converted
from bitrain.train.loop import Job

BATCH = 256
BITS = 6
"""Precision n of what is converted without training: 5 bits and fewer ask for fine-tuning."""


@dataclass(frozen=True)
class Conversion:
    """A network, and what was made of each of the module's operations."""

    network: Network
    model: ScModel
    """The same in torch, which can be trained further."""
    origins: list[Origin]
    images: Tensor
    """That calibrated it, (images, channels, rows, columns)."""

    def rival(self) -> ScModel:
        """The same float network in integers of equal width, calibrated for these."""
        chain = [layer.source for layer in self.model.steps]
        return calibrated(chain, self.images, self.model.config, "binary")

    @torch.no_grad()
    def float_accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Per cent of the images whose largest score in real numbers is their class.

        images: in [0, 1], as the network reads them. Of what the network was made of, before any
        fine-tuning, with ReLU where that stands in.
        """
        batches = torch.from_numpy(images).split(BATCH)
        scores = torch.cat([self.model.float_scores(batch) for batch in batches])
        return 100 * float((scores.argmax(1).numpy() == labels).mean())

    @property
    def replaced(self) -> list[str]:
        """Activations in the place of which ReLU stands."""
        return [str(origin) for origin in self.origins if origin.replaced]

    def save(self, path: Path | str) -> None:
        """Write the network file."""
        save_network(self.network, path)


def convert(
    model: nn.Module,
    images: np.ndarray | Tensor,
    *,
    weights: Path | str | None = None,
    config: ScConfig | None = None,
    bits: int | None = None,
    length: int | None = None,
    mean: Sequence[float] | float | None = None,
    std: Sequence[float] | float | None = None,
    exact_borders: bool = False,
    replace_activations: bool = False,
    finetune: FineTuneConfig | None = None,
    dataset: Dataset | None = None,
    name: str | None = None,
    metadata: dict[str, Any] | None = None,
    **job: Unpack[Job],
) -> Conversion:
    """A network that computes what a trained module does, in streams; the module is left alone.

    model: of any class and float type, in any mode; it is read in evaluation mode. images:
    (images, …) in [0, 1], as the module reads them but for ``mean`` and ``std``: numbers, or one
    for each channel, if it was trained on (images - mean) / std. weights: a file to load into a
    copy of it. config: precision, stream length and sequences; bits, length: or only these.
    exact_borders: zeros around normalised images are exact, at the price of a channel of ones.
    replace_activations: ReLU in the place of activations that the accelerator has not; fine-tune
    then. finetune: train on ``dataset`` in the accelerator's arithmetic; job: with a checkpoint to
    go on from, and a progress bar. name: of the network; the module's class by default.

    Raises :class:`BitrainError` naming the operation and the line that cannot be had, or the option
    that does not suit.
    """
    if not isinstance(model, nn.Module):
        raise BitrainError(f"{type(model).__name__} is no torch module; give the trained module")
    refuse_unreadable(model, type(model).__name__)
    if not isinstance(images, np.ndarray | Tensor):
        raise BitrainError(
            f"images of type {type(images).__name__}; give an array or a tensor (images, …)"
        )
    options = options_of(config or ScConfig(bits=BITS), bits, length)
    if not isinstance(model, Program):
        model = copy_model(model)
    if weights is not None:
        load_weights(model, weights)
    if len(images.shape) < 2:
        raise BitrainError(f"images of shape {tuple(images.shape)}; expected (images, …)")
    in_shape = tuple(images.shape[1:])
    if (mean is None) != (std is None):
        raise BitrainError("mean and std go together; give both (std=1 where there is none)")
    if mean is not None and std is not None:
        normalise_inputs(model, mean, std, in_shape)
    sc_model = converted(
        model,
        in_shape,
        images,
        options,
        replace_activations=replace_activations,
        exact_borders=exact_borders,
    )
    if finetune is not None:
        if dataset is None:
            raise BitrainError("fine-tuning needs labelled images; give a data set")
        finetune_converted(sc_model, dataset, finetune, **job)
    chosen = images[:: max(1, len(images) // CHECK_IMAGES)][:CHECK_IMAGES]
    with torch.no_grad():
        checked = torch.from_numpy(_array(chosen))
    checked = checked.reshape(-1, *sc_model.in_shape)
    title = name or type(model).__name__.lower()
    network = export_network(sc_model, title, checked, metadata)
    batch = calibration_batch(images, in_shape, options.calibration_images)
    batch = batch.reshape(-1, *sc_model.in_shape)
    return Conversion(network, sc_model, sc_model.origins, batch)


def options_of(base: ScConfig, bits: int | None, length: int | None, dashes: str = "") -> ScConfig:
    """The configuration with another precision and stream length, where they are given.

    dashes: before the names of the two in messages.
    """
    given = {"bits": bits, "stream_length": length}
    changes = {key: value for key, value in given.items() if value is not None}
    try:
        return ScConfig.model_validate({**base.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        names = {"bits": f"{dashes}bits", "stream_length": f"{dashes}length"}
        wrong = [key for key in changes if key in first["loc"]] or changes
        told = ", ".join(f"{names[key]} {changes[key]}" for key in wrong)
        what = plain(first).removeprefix(f"{first['input']!r}: ")
        raise BitrainError(f"{told}: {what}") from error


def _array(images: np.ndarray | Tensor) -> np.ndarray:
    found = images.detach().cpu().float().numpy() if isinstance(images, Tensor) else images
    return np.ascontiguousarray(found, np.float32)
