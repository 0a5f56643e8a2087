"""SC-aware fine-tuning: train the weights through the exact stochastic forward pass."""

from typing import Unpack

from torch import Tensor, nn
from torch.nn import functional as F

from bitrain.data import Dataset
from bitrain.nn import ScConfig, ScModel, calibration_batch, convert, torch_threads

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

    Distillation: G. Hinton et al., *Distilling the Knowledge in a Neural Network*,
    arXiv:1503.02531; the teacher is the float network that was converted.
    """
    classify = classification(train_config, dataset)
    count = sc_model.config.calibration_images
    images = calibration_batch(dataset.train_images, dataset.in_shape, count)

    def choose_sums(epoch: int) -> None:
        if epoch < train_config.noise_epochs:
            sc_model.calibrate_noise(images)
        else:
            sc_model.use_exact()

    def distilled(scores: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        loss = classify(scores, images, labels)
        if not (share := train_config.distillation):
            return loss
        both = (scores, sc_model.float_scores(images))
        ours, theirs = (F.log_softmax(x / TEMPERATURE, 1) for x in both)
        # Gradients shrink with the square of the temperature.
        difference = F.kl_div(ours, theirs, reduction="batchmean", log_target=True)
        return (1 - share) * loss + share * TEMPERATURE**2 * difference

    job.setdefault("title", "fine-tune")
    fit(sc_model, dataset, train_config, before_epoch=choose_sums, loss=distilled, **job)
