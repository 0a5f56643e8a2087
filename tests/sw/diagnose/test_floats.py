"""The float model that a network was made of."""

import pytest
import torch

from bitrain.diagnose import FloatModel
from bitrain.diagnose.floats import is_tuned
from bitrain.models import save_weights
from bitrain.nn import ScConfig, convert
from bitrain.spec import BitrainError, Network

CONFIG = ScConfig(bits=3)


@pytest.fixture(scope="module")
def converted(trained, digits, tmp_path_factory):
    """A network of digits with its weights in a file."""
    path = tmp_path_factory.mktemp("floats") / "model.safetensors"
    save_weights(trained, path, {"model": "digits_cnn"})
    sc = convert(trained, digits.in_shape, digits.train_images, CONFIG)
    recipe = {"model": "digits_cnn", "weights": str(path), "sc": CONFIG.model_dump(mode="json")}
    return sc, sc.to_network("digits", {"recipe": recipe})


def remembering(network: Network, **changes: object) -> Network:
    recipe = {**network.metadata["recipe"], **changes}
    recipe = {key: value for key, value in recipe.items() if value is not None}
    return network.model_copy(update={"metadata": {"recipe": recipe}})


def test_what_is_remembered_is_read_again(converted, digits) -> None:
    sc, network = converted
    found = FloatModel.of(network, None, None)
    assert found is not None and found.sc == CONFIG
    for layer, step in zip(found.read(network, digits), sc.steps, strict=True):
        assert torch.equal(layer.weight, step.source.weight)


def test_there_may_be_none(converted) -> None:
    _, network = converted
    assert FloatModel.of(remembering(network, weights="nowhere.safetensors"), None, None) is None
    assert FloatModel.of(remembering(network, weights=None), None, None) is None
    tuned = remembering(network, finetune={"epochs": 3})
    assert is_tuned(tuned) and not is_tuned(network)
    assert FloatModel.of(tuned, None, None) is None
    weights = network.metadata["recipe"]["weights"]
    assert FloatModel.of(tuned, None, weights) is not None  # asked for


def test_what_is_missing_is_asked_for(converted) -> None:
    _, network = converted
    nameless = remembering(network, model=None)
    with pytest.raises(BitrainError, match="does not say its model; give --model"):
        FloatModel.of(nameless, None, "weights.pt")
    with pytest.raises(BitrainError, match=r"give its trained weights too \(--weights\)"):
        FloatModel.of(network, "lenet5", None)


def test_another_model_is_refused(converted, digits, tmp_path) -> None:
    _, network = converted
    (tmp_path / "net.py").write_text(
        "from torch import nn\ndef net(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    name = f"{tmp_path}/net.py:net"
    weights = tmp_path / "weights.pt"
    torch.save({"1.weight": torch.randn(10, 64), "1.bias": torch.zeros(10)}, weights)
    found = FloatModel.of(network, name, str(weights))
    assert found is not None
    with pytest.raises(BitrainError, match=r"layer 0 is .* give the model that the network was"):
        found.read(network, digits)


def test_normalised_images(trained, digits, tmp_path) -> None:
    from bitrain.convert.files import Request, convert_files

    weights = tmp_path / "model.safetensors"
    save_weights(trained, weights, {})
    request = Request(
        model="digits_cnn",
        weights=str(weights),
        sc=CONFIG,
        mean=(0.2,),
        std=(0.5,),
        out=tmp_path / "net.npz",
    )
    done = convert_files(request, digits, evaluated=20)
    network = done.conversion.network
    found = FloatModel.of(network, None, None)
    assert found is not None
    chain = found.read(network, digits)
    for layer, step in zip(chain, done.conversion.model.steps, strict=True):
        assert torch.equal(layer.weight, step.source.weight)
        assert torch.equal(layer.bias, step.source.bias)
