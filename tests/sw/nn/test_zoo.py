"""Models by name."""

import pytest
import torch

from bitrain.nn import create_model, list_models
from bitrain.spec import BitrainError, Shape


@pytest.mark.parametrize("name", list_models())
def test_models_give_scores(name) -> None:
    model = create_model(name, Shape(3, 16, 12), 7).eval()
    assert model(torch.rand(2, 3, 16, 12)).shape == (2, 7)


def test_weights_follow_the_seed_and_leave_the_generator_alone() -> None:
    before = torch.get_rng_state()
    first, same, other = (
        create_model("digits_cnn", Shape(1, 8, 8), 10, seed=seed)[0].weight for seed in (1, 1, 2)
    )
    assert torch.equal(first, same) and not torch.equal(first, other)
    assert torch.equal(before, torch.get_rng_state())


def test_unknown_model() -> None:
    with pytest.raises(BitrainError, match=r"model 'vgg' is unknown; choose one of \['digits_cnn'"):
        create_model("vgg", Shape(1, 8, 8), 10)


def test_images_too_small() -> None:
    with pytest.raises(BitrainError, match="images of 3 x 8 are too small for 2 poolings by two"):
        create_model("digits_cnn", Shape(1, 3, 8), 10)
    for name in set(list_models()) - {"digits_cnn"}:
        with pytest.raises(BitrainError, match="images of 3 x 8 are too small; expected at least"):
            create_model(name, Shape(1, 3, 8), 10)


def test_a_users_own_model(tmp_path) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "from torch import nn\n"
        "def make(in_shape, num_classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(in_shape.size, num_classes))\n"
        "def broken(in_shape, num_classes):\n"
        "    return 1 / 0\n"
        "number = 3\n"
    )
    shape = Shape(1, 4, 4)
    assert create_model(f"{path}:make", shape, 5)(torch.rand(2, *shape)).shape == (2, 5)
    with pytest.raises(BitrainError, match=r"own.py:broken: ZeroDivisionError: division by zero"):
        create_model(f"{path}:broken", shape, 5)
    for name in ("number", "absent"):
        with pytest.raises(BitrainError, match=r"expected a function .* an nn.Sequential"):
            create_model(f"{path}:{name}", shape, 5)
    with pytest.raises(BitrainError, match=r"nothing.py:make: no such file"):
        create_model(f"{tmp_path / 'nothing.py'}:make", shape, 5)
