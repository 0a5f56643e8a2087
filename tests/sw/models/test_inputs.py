"""Images that are normalised before a model reads them."""

import pytest
import torch
from torch import nn

from bitrain.models import copy_model, create_model, normalise_inputs
from bitrain.recast.parse import parse_blocks
from bitrain.spec import BitrainError, Shape

SHAPE = Shape(1, 8, 8)


@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.25), ((0.1, 0.2, 0.3), (1.0, 0.5, 0.25))])
def test_images_are_normalised(mean, std) -> None:
    images = torch.rand(2, 3, 4, 4)
    model = normalise_inputs(nn.Sequential(nn.Identity()), mean, std, (3, 4, 4))
    centre, spread = (torch.tensor(part).reshape(-1, 1, 1) for part in (mean, std))
    torch.testing.assert_close(model(images), (images - centre) / spread)
    torch.testing.assert_close(copy_model(model)(images), model(images))


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        ((0.1, 0.2), 1.0, r"^mean 0.1, 0.2: expected one number, or one for each of 3 channels"),
        (0.0, (1.0, 0.0, 1.0), r"^std 1, 0, 1: expected positive numbers"),
        (float("nan"), 1.0, "^mean nan: expected one number"),
    ],
)
def test_what_is_refused(mean, std, message) -> None:
    with pytest.raises(BitrainError, match=message):
        normalise_inputs(nn.Identity(), mean, std, (3, 4, 4))


def test_a_normalised_model_as_blocks() -> None:
    """A model of blocks alone is taken apart again, as its images are not its blocks' any more."""
    model = normalise_inputs(create_model("digits_cnn", SHAPE, 10), 0.3, 0.4, SHAPE).eval()
    images = torch.rand(3, *SHAPE)
    torch.testing.assert_close(parse_blocks(model, SHAPE)(images), model(images))
