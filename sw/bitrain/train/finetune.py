"""SC-aware fine-tuning: train the weights through the exact stochastic forward pass."""

from pathlib import Path

from torch import nn

from bitrain.data import Dataset
from bitrain.golden import Arithmetic
from bitrain.nn import ScConfig, ScModel, convert, torch_threads

from .config import FINE_TUNE, TrainConfig
from .loop import fit


def finetune_sc(
    model: nn.Module,
    dataset: Dataset,
    sc_config: ScConfig,
    train_config: TrainConfig = FINE_TUNE,
    *,
    arithmetic: Arithmetic = "stochastic",
    checkpoint: Path | None = None,
    title: str = "fine-tune",
    progress: bool = False,
) -> ScModel:
    """Convert a trained model and fine-tune what comes out.

    Batch norm stays folded and the calibrated clips and shifts stay fixed; weights and biases
    train. ``arithmetic="binary"`` gives the integer baseline the same budget.
    """
    with torch_threads(train_config.threads):
        sc_model = convert(model, dataset.in_shape, dataset.train_images, sc_config, arithmetic)
    fit(sc_model, dataset, train_config, checkpoint=checkpoint, title=title, progress=progress)
    return sc_model
