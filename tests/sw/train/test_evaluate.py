"""Scores and accuracies of a model that says what it sees."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bitrain.data import Dataset
from bitrain.spec import BitrainError
from bitrain.train.evaluate import BATCH_SIZE, evaluate, scores_of

COUNT = BATCH_SIZE + 3


class Reader(nn.Module):
    """The scores are the pixels; it must not be in training."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        assert not self.training and not torch.is_grad_enabled() and len(images) <= BATCH_SIZE
        return images


@pytest.fixture
def dataset() -> Dataset:
    """Images of three pixels, the brightest of which is the class."""
    labels = np.arange(COUNT) % 3
    images = np.full((COUNT, 3, 1, 1), 0.25, np.float32)
    images[np.arange(COUNT), labels] = 1
    return Dataset(
        name="bright",
        note="",
        classes=("a", "b", "c"),
        train_images=images,
        train_labels=labels,
        test_images=images,
        test_labels=labels,
    )


def test_scores_of_all_batches(dataset):
    scores = scores_of(Reader().train(), dataset.test_images)
    np.testing.assert_array_equal(scores, dataset.test_images[:, :, 0, 0])


def test_share_of_the_images_that_are_told(dataset):
    assert evaluate(Reader(), dataset) == 1
    labels = dataset.test_labels.copy()
    labels[:7] = (labels[:7] + 1) % 3
    assert evaluate(Reader(), replace(dataset, test_labels=labels)) == (COUNT - 7) / COUNT


def test_a_score_for_each_class(dataset):
    model = nn.Sequential(Reader(), nn.Flatten(), nn.Linear(3, 4))
    message = "^the model gives 4 scores, data set 'bright' has 3 classes; give the data that it"
    with pytest.raises(BitrainError, match=message):
        evaluate(model, dataset)
