"""Trained weights: written, read, refused; those that come with Bitrain say how they were made."""

import pytest
import torch

from bitrain.nn import create_model, list_models, list_pretrained, load_weights, save_weights
from bitrain.spec import BitrainError, Shape

SHAPE = Shape(1, 8, 8)


def test_round_trip(tmp_path):
    path = tmp_path / "model.safetensors"
    model, other = (create_model("digits_cnn", SHAPE, 10, seed=seed) for seed in (1, 2))
    save_weights(model, path, {"accuracy": 99.5, "recipe": {"epochs": 3}})
    assert load_weights(other, path) == {"accuracy": 99.5, "recipe": {"epochs": 3}}
    found = create_model("digits_cnn", SHAPE, 10, seed=3, pretrained=path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
        assert torch.equal(tensor, found.state_dict()[name])


def test_unknown():
    with pytest.raises(BitrainError, match="weights 'lenet9': no such file, and none of those"):
        create_model("digits_cnn", SHAPE, 10, pretrained="lenet9")


@pytest.mark.parametrize("content", [b"", b"12345678 not a header", b"\xff" * 100])
def test_spoilt(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(BitrainError, match=r"model\.safetensors: not a readable safetensors file"):
        create_model("digits_cnn", SHAPE, 10, pretrained=path)


def test_weights_of_another_model(tmp_path):
    path = tmp_path / "model.safetensors"
    save_weights(create_model("digits_cnn", SHAPE, 7), path, {})
    with pytest.raises(BitrainError, match=r"2\.1\.bias is 7, the model's is 10; give the weights"):
        create_model("digits_cnn", SHAPE, 10, pretrained=path)
    save_weights(create_model("lenet5", Shape(1, 28, 28), 10), path, {})
    with pytest.raises(BitrainError, match=r"0\.0\.weight is 6 x 1 x 5 x 5, the model's is 16 x 1"):
        create_model("digits_cnn", SHAPE, 10, pretrained=path)


def test_weights_that_hold_nan(tmp_path):
    path, model = tmp_path / "model.safetensors", create_model("digits_cnn", SHAPE, 10)
    next(model.parameters()).data[0] = float("nan")
    save_weights(model, path, {})
    with pytest.raises(BitrainError, match=r"0\.0\.weight holds NaN or infinity; train it again"):
        create_model("digits_cnn", SHAPE, 10, pretrained=path)


@pytest.mark.parametrize("name", list_pretrained())
def test_those_that_come_along(name):
    model, _, data = name.partition("_")
    assert model in list_models()
    shape = {"mnist": Shape(1, 28, 28), "cifar10": Shape(3, 32, 32)}[data]
    metadata = load_weights(create_model(model, shape, 10), name)
    assert metadata["model"] == model
    assert {"data", "recipe", "accuracy", "test_images"} <= metadata.keys()
    assert len(metadata["losses"]) == metadata["recipe"]["epochs"], "the log of its training"
