"""Recasting into stochastic arithmetic: streams in the place of real numbers, block by block."""

from typing import Unpack

import torch
from torch import Tensor

from bitrain.data import Dataset
from bitrain.nn import ScModel, calibration_batch
from bitrain.train.anytime import Outputs, Prefixes
from bitrain.train.loop import Job, fit

from .match import matching_loss
from .plan import ScRecast


def last_layers(sc_model: ScModel) -> list[int]:
    """The last layer of each block, by number; a block is the first part of a layer's name."""
    owners = [layer.source.name.partition(".")[0] for layer in sc_model.steps]
    return [i for i, owner in enumerate(owners) if i + 1 == len(owners) or owners[i + 1] != owner]


def recast_stochastic(
    sc_model: ScModel, index: int, dataset: Dataset, config: ScRecast, **job: Unpack[Job]
) -> list[float]:
    """Train layers up to ``index`` until it gives, with streams, what it gives in real numbers.

    At all of the model's lengths together.
    """

    def choose_sums(epoch: int) -> None:
        if config.mode == "noise":
            count = config.sc.calibration_images
            images = calibration_batch(dataset.train_images, dataset.in_shape, count)
            sc_model.calibrate_noise(images)

    def difference(found: Outputs, images: Tensor, labels: Tensor) -> Tensor:
        wanted = sc_model.float_activation(images, index)
        return torch.stack([matching_loss(each, wanted) for each in found.values()]).mean()

    def stored(images: Tensor) -> Tensor:
        return sc_model.activation(images, index)

    job.setdefault("title", f"{sc_model.steps[index].source.name}, streams")
    # Only these train; the whole model stays out of the list of modules.
    stage = Prefixes(sc_model, stored, sc_model.layers[: index + 1])
    losses = fit(stage, dataset, config.train, before_epoch=choose_sums, loss=difference, **job)
    sc_model.use_exact()
    return losses
