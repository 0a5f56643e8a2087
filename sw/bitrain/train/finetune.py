"""SC-aware fine-tuning: train the weights through the exact stochastic forward pass."""

from typing import Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bitrain.data import Dataset
from bitrain.nn import ScConfig, ScModel, calibration_batch, convert, torch_threads

from .anytime import Outputs, Prefixes, weights_of
from .config import FINE_TUNE, FineTuneConfig
from .loop import Job, classification, fit

TEMPERATURE = 2.0
"""Temperature of distillation, by which scores are divided."""


def finetune_sc(
    model: nn.Module,
    dataset: Dataset,
    sc_config: ScConfig,
    train_config: FineTuneConfig = FINE_TUNE,
    *,
    arithmetic: str = "stochastic",
    **job: Unpack[Job],
) -> ScModel:
    """Convert a trained model and fine-tune what comes out.

    Batch norm stays folded and the calibrated clips and shifts stay fixed; weights and biases
    train. ``arithmetic="binary"`` gives the integer baseline the same budget.
    """
    with torch_threads(train_config.threads):
        sc_model = convert(model, dataset.in_shape, dataset.train_images, sc_config, arithmetic)
    finetune_converted(sc_model, dataset, train_config, **job)
    return sc_model


def finetune_converted(
    sc_model: ScModel, dataset: Dataset, train_config: FineTuneConfig, **job: Unpack[Job]
) -> None:
    """Fine-tune a converted model in place: epochs with noise first, exact ones last.

    At all of its lengths together, where ``sc.lengths`` gives several.

    Distillation: G. Hinton et al., *Distilling the Knowledge in a Neural Network*,
    arXiv:1503.02531; the teacher is the float network that was converted.
    """
    classify = classification(train_config, dataset)
    count, config = sc_model.config.calibration_images, sc_model.config
    images = calibration_batch(dataset.train_images, dataset.in_shape, count)
    weights = weights_of(config.prefixes, train_config)

    def choose_sums(epoch: int) -> None:
        if epoch < train_config.noise_epochs:
            sc_model.calibrate_noise(images)
        else:
            sc_model.use_exact()

    def joint(found: Outputs, images: Tensor, labels: Tensor) -> Tensor:
        teacher = sc_model.float_scores(images) if train_config.distillation else None
        longest, total = next(iter(found.values())).detach(), torch.zeros((), device=images.device)
        for length, scores in found.items():
            loss = classify(scores, images, labels)
            if teacher is not None:
                loss = _mixed(loss, train_config.distillation, scores, teacher)
            if length < config.length:
                loss = _mixed(loss, train_config.prefix_distillation, scores, longest)
            total = total + weights[length] * loss
        return total / len(found)

    job.setdefault("title", "fine-tune")
    runs = Prefixes(sc_model, sc_model.forward, sc_model, train_config.sampled_prefixes)
    fit(runs, dataset, train_config, before_epoch=choose_sums, loss=joint, **job)


def _mixed(loss: Tensor, share: float, scores: Tensor, teacher: Tensor) -> Tensor:
    """A loss of which a share asks for a teacher's scores."""
    if not share:
        return loss
    ours, theirs = (F.log_softmax(x / TEMPERATURE, 1) for x in (scores, teacher))
    # Gradients shrink with the square of the temperature.
    difference = F.kl_div(ours, theirs, reduction="batchmean", log_target=True)
    return (1 - share) * loss + share * TEMPERATURE**2 * difference
