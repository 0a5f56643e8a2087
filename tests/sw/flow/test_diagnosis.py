"""A network file, its data set and its float model brought together."""

import pytest
import torch

from bitrain.convert.files import Request, convert_files
from bitrain.data import load_dataset
from bitrain.diagnose import OWN_NUMBERS, diagnose
from bitrain.flow.diagnosis import HELD_OUT, admit
from bitrain.models import create_model, model_digest, save_weights
from bitrain.nn import ScConfig, convert
from bitrain.spec import BitrainError, Network, Shape

LINEAR = """
from torch import nn
def net():
    return nn.Sequential(
        nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 1), nn.Conv2d(4, 8, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(128, 10),
    )
"""
CONFIG = ScConfig(bits=3)


@pytest.fixture
def network(trained, digits, tmp_path) -> Network:
    weights = tmp_path / "model.safetensors"
    save_weights(trained, weights, {})
    sc = convert(trained, digits.in_shape, digits.train_images, CONFIG)
    recipe = {"model": "digits_cnn", "weights": str(weights), "sc": CONFIG.model_dump(mode="json")}
    recipe["digest"] = model_digest(trained)
    return sc.to_network("digits", {"data": "digits", "recipe": recipe})


def test_held_out_images_are_no_test_images(network, digits) -> None:
    case, reference = admit(network)
    count = min(HELD_OUT, len(digits.train_labels) // 5)
    assert len(case.dataset.test_labels) == count
    assert len(case.dataset.train_labels) == len(digits.train_labels) - count
    assert len(case.test[1]) == len(digits.test_labels)
    assert case.chain is not None and len(case.chain) == len(network.layers)
    assert (reference, case.config) == ("the float model digits_cnn", CONFIG)


def test_offsets_are_those_of_the_conversion(tmp_path) -> None:
    """Of maps that may be negative: they depend on the images."""
    (tmp_path / "net.py").write_text(LINEAR)
    name, weights = f"{tmp_path}/net.py:net", tmp_path / "weights.pt"
    torch.manual_seed(0)
    torch.save(create_model(name, Shape(1, 8, 8), 10).state_dict(), weights)
    request = Request(
        model=name, weights=str(weights), sc=ScConfig(bits=8), out=tmp_path / "net.npz"
    )
    network = convert_files(request, load_dataset("digits"), evaluated=20).conversion.network
    network = network.model_copy(update={"metadata": {**network.metadata, "data": "digits"}})
    case, _ = admit(network, images=40)
    found = diagnose(network, case.dataset.test_images, case.dataset.test_labels, case.chain)
    assert min(layer.own_snr for layer in found.layers) > 25


def test_a_tuned_network_is_compared_with_itself(network) -> None:
    recipe = {**network.metadata["recipe"], "finetune": {"epochs": 1}}
    tuned = network.model_copy(update={"metadata": {**network.metadata, "recipe": recipe}})
    case, reference = admit(tuned, images=60, test_images=50)
    assert (case.chain, reference) == (None, OWN_NUMBERS)
    assert len(case.test[1]) == 50


def test_too_many_images_are_refused(network) -> None:
    with pytest.raises(BitrainError, match=r"--images 1437: .* cannot be held out"):
        admit(network, images=1437)
    with pytest.raises(BitrainError, match="--test-images 361: the test part has 360"):
        admit(network, test_images=361)
