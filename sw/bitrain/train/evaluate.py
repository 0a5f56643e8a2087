"""Accuracy, of torch models and of exported networks in the golden model."""

import numpy as np
import torch
from torch import nn

from bitrain.data import Dataset, check_classes
from bitrain.golden import accuracy
from bitrain.nn import best_device, torch_threads
from bitrain.spec import Network

BATCH_SIZE = 256


def evaluate(model: nn.Module, dataset: Dataset) -> float:
    """Share of the test images, 0 … 1, whose largest score is their class.

    Raises :class:`BitrainError` where the model has no score for each class of the data set.
    """
    scores = scores_of(model, dataset.test_images)
    check_classes("the model", scores.shape[1], dataset)
    return float((scores.argmax(1) == dataset.test_labels).mean())


@torch.no_grad()
def scores_of(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Scores (images, classes) in evaluation mode, in batches; the model is on the CPU then."""
    model.to(best_device()).eval()
    batches = torch.from_numpy(images).split(BATCH_SIZE)
    scores = torch.cat([model(batch.to(best_device())).flatten(1).cpu() for batch in batches])
    model.to("cpu")
    return scores.numpy()


def evaluate_network(network: Network, dataset: Dataset, arithmetic: str = "stochastic") -> float:
    """What the accelerator scores on the test images, 0 … 1, by the golden model.

    Raises :class:`BitrainError` where images or classes are not those of the network.
    """
    check_classes(f"network {network.name!r}", network.num_scores, dataset)
    with torch_threads():
        return accuracy(network, dataset.test_images, dataset.test_labels, arithmetic)
