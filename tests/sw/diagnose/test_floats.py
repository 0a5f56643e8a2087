"""The float model that a network was made of."""

import numpy as np
import pytest
import torch

from bitrain.convert.files import Request, convert_files
from bitrain.data import from_pairs
from bitrain.diagnose import OWN_NUMBERS, Reference, find_reference
from bitrain.diagnose.floats import is_tuned
from bitrain.models import create_model, model_digest, save_weights
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
    recipe["digest"] = model_digest(trained)
    return sc, sc.to_network("digits", {"recipe": recipe})


def remembering(network: Network, **changes: object) -> Network:
    recipe = {**network.metadata["recipe"], **changes}
    recipe = {key: value for key, value in recipe.items() if value is not None}
    return network.model_copy(update={"metadata": {"recipe": recipe}})


def test_what_is_remembered_is_read_again(converted, digits) -> None:
    sc, network = converted
    found = find_reference(network, digits)
    assert (found.told, found.config) == ("the float model digits_cnn", CONFIG)
    assert found.chain is not None
    for layer, step in zip(found.chain, sc.steps, strict=True):
        assert torch.equal(layer.weight, step.source.weight)


def test_where_there_is_none_it_is_said(converted, digits, trained, tmp_path) -> None:
    _, network = converted
    gone = find_reference(remembering(network, weights="nowhere.safetensors"), digits)
    assert gone.chain is None and "'nowhere.safetensors': no such file" in gone.told
    other = tmp_path / "other.safetensors"
    model = create_model("digits_cnn", digits.in_shape, 10, seed=5)
    save_weights(model, other, {})
    changed = find_reference(remembering(network, weights=str(other)), digits)
    assert changed.chain is None and changed.told.endswith("gives other weights now")
    assert find_reference(network, digits, weights=str(other)).chain is not None  # asked for
    assert find_reference(remembering(network, model=None), digits).told == OWN_NUMBERS
    missing = find_reference(remembering(network, model="none.py:f", weights=None), digits)
    assert "no such file" in missing.told
    assert find_reference(remembering(network, digest=None), digits).chain is None


def test_of_a_tuned_network_it_counts_where_it_is_asked_for(converted, digits) -> None:
    _, network = converted
    tuned = remembering(network, finetune={"epochs": 3})
    assert is_tuned(tuned) and not is_tuned(network)
    assert find_reference(tuned, digits) == Reference(told=OWN_NUMBERS)
    weights = network.metadata["recipe"]["weights"]
    assert find_reference(tuned, digits, weights=weights).chain is not None


def test_weights_that_come_along_are_known_by_their_name(tmp_path) -> None:
    """As in docs/diagnose.md."""
    digits = np.zeros((10, 1, 28, 28), np.float32)
    digits[:, :, 4:20, 6:20] = 1
    data = from_pairs([*zip(digits, range(10), strict=True)] * 4, split=0.5, classes="0123456789")
    request = Request(model="lenet5", weights="lenet5_mnist", sc=CONFIG, out=tmp_path / "net.npz")
    network = convert_files(request, data, evaluated=10).conversion.network
    assert find_reference(network, data).told == "the float model lenet5"


def test_channels_of_equal_ranges_are_others(converted, digits) -> None:
    _, network = converted
    equal = remembering(network, equal=0.5)
    assert find_reference(equal, digits).told.endswith("channels were made equal")
    weights = network.metadata["recipe"]["weights"]
    with pytest.raises(BitrainError, match="leave --model and --weights out"):
        find_reference(equal, digits, weights=weights)


def test_a_model_may_hold_its_weights(digits, tmp_path) -> None:
    """A function that gives the trained module."""
    (tmp_path / "net.py").write_text(
        "import torch\nfrom torch import nn\ndef net():\n    torch.manual_seed(3)\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    name = f"{tmp_path}/net.py:net"
    request = Request(model=name, sc=CONFIG, out=tmp_path / "net.npz")
    network = convert_files(request, digits, evaluated=20).conversion.network
    assert find_reference(network, digits).chain is not None
    assert find_reference(network, digits, name).chain is not None


def test_what_is_missing_is_asked_for(converted, digits) -> None:
    _, network = converted
    nameless = remembering(network, model=None)
    with pytest.raises(BitrainError, match="does not say its model; give --model"):
        find_reference(nameless, digits, weights="weights.pt")
    with pytest.raises(BitrainError, match=r"give its trained weights too \(--weights\)"):
        find_reference(network, digits, "digits_cnn")


def test_another_model_is_refused(converted, digits, tmp_path) -> None:
    _, network = converted
    (tmp_path / "net.py").write_text(
        "from torch import nn\ndef net(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    name = f"{tmp_path}/net.py:net"
    weights = tmp_path / "weights.pt"
    torch.save({"1.weight": torch.randn(10, 64), "1.bias": torch.zeros(10)}, weights)
    with pytest.raises(BitrainError, match=r"layer 0 is .* give the model that the network was"):
        find_reference(network, digits, name, str(weights))


def test_normalised_images(trained, digits, tmp_path) -> None:
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
    chain = find_reference(done.conversion.network, digits).chain
    assert chain is not None
    for layer, step in zip(chain, done.conversion.model.steps, strict=True):
        assert torch.equal(layer.weight, step.source.weight)
        assert torch.equal(layer.bias, step.source.bias)
