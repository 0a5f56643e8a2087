"""Trained weights: written, read, refused; those that come with Bitrain say how they were made."""

import random

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from bitrain.models import create_model, list_models, list_pretrained, load_weights, save_weights
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


def test_every_damaged_bit_is_noticed(tmp_path, capsys):
    path, model = tmp_path / "model.safetensors", create_model("digits_cnn", SHAPE, 10)
    save_weights(model, path, {"accuracy": 99.5})
    assert load_weights(model, path) and capsys.readouterr().err == ""
    content = path.read_bytes()
    for bit in random.Random(0).sample(range(64, 8 * len(content)), 300):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(damaged))
        with pytest.raises(BitrainError, match=r"model\.safetensors: (contents do|not a readable)"):
            load_weights(model, path)


@pytest.mark.parametrize("change", ["shape", "type", "name", "metadata"])
def test_changed_around_the_numbers(tmp_path, change):
    """Of as many bytes, all the same."""
    path, model = tmp_path / "model.safetensors", nn.Sequential(nn.Linear(2, 4, bias=False))
    save_weights(model, path, {"accuracy": 99.5})
    with safe_open(path, framework="pt") as file:
        tensors, metadata = {"0.weight": file.get_tensor("0.weight")}, dict(file.metadata())
    match change:
        case "shape":
            tensors = {"0.weight": tensors["0.weight"].reshape(2, 4)}
            model = nn.Sequential(nn.Linear(4, 2, bias=False))
        case "type":
            tensors = {"0.weight": tensors["0.weight"].view(torch.int32)}
        case "name":
            tensors = {"1.weight": tensors["0.weight"]}
            model = nn.Sequential(nn.Identity(), nn.Linear(2, 4, bias=False))
        case "metadata":
            metadata["bitrain"] = metadata["bitrain"].replace("99.5", "99.9")
    save_file(tensors, path, metadata)
    with pytest.raises(BitrainError, match=r"contents do not match their checksum; get the file"):
        load_weights(model, path)


def test_files_that_others_wrote(tmp_path, capsys):
    path, model = tmp_path / "model.safetensors", nn.Sequential(nn.Linear(2, 4, bias=False))
    save_file(model.state_dict(), path)
    assert load_weights(model, path) == {}
    note = f"note: {path} has no checksum of Bitrain; its contents are taken as they are\n"
    assert capsys.readouterr().err == note


@pytest.mark.parametrize("prefix", ["module.", "net.", "_orig_mod.module.", "a.backbone."])
def test_a_prefix_of_all_names(tmp_path, prefix):
    path, model = tmp_path / "model.pt", nn.Sequential(nn.Linear(2, 4))
    names = {prefix + name: tensor for name, tensor in model.state_dict().items()}
    torch.save(
        {"epoch": 3, "net": names, "optimizer": {"state": {0: {"step": torch.ones(1)}}}}, path
    )
    other = nn.Sequential(nn.Linear(2, 4))
    load_weights(other, path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])


MODEL = nn.Sequential(nn.Linear(2, 4))
STATE = MODEL.state_dict()
SAVE = r"save one with torch\.save\(model\.state_dict\(\), path\) or as safetensors$"


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (
            MODEL,
            rf"holds a whole pickled module or other objects \(torch\.nn\.\S+\), which .*{SAVE}",
        ),
        ({"best": np.float64(0.5)}, rf"module or other objects \(numpy\.\S+\), which .*{SAVE}"),
        ([1, 2], rf"holds list, not a state dict; {SAVE}"),
        ({"epoch": 3, "loss": 0.1}, rf"holds dict with epoch, loss, not a state dict; {SAVE}"),
        (
            {"model": STATE, "ema": {"module": STATE, "decay": 0.9}},
            r"holds several state dicts of this model: model, ema\.module; save the one to use, as",
        ),
        ({"model": {"1.weight": torch.ones(2)}}, r"0\.bias is missing, the model's is 4; give the"),
    ],
)
def test_what_is_no_state_dict(tmp_path, held, message):
    path = tmp_path / "model.pth"
    torch.save(held, path)
    with pytest.raises(BitrainError, match=message) as error:
        load_weights(nn.Sequential(nn.Linear(2, 4)), path)
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"hello world", bytes([101]) * 200])
def test_junk(tmp_path, content):
    for name in ("model.pt", "model.pth.tar", "model.h5"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(
            BitrainError, match=rf"not a state dict that torch.save wrote, .*{SAVE}"
        ):
            load_weights(MODEL, tmp_path / name)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_programs_and_folders(tmp_path):
    path = tmp_path / "model.pt"
    torch.jit.save(torch.jit.trace(MODEL, torch.rand(1, 2)), path)
    with pytest.raises(
        BitrainError, match=rf"a TorchScript program \(.*, not a state dict; {SAVE}"
    ):
        load_weights(MODEL, path)
    exported = tmp_path / "model.pt2"
    torch.export.save(torch.export.export(MODEL, (torch.rand(1, 2),)), exported)
    with pytest.raises(BitrainError, match=rf"a program of torch.export, not a state dict; {SAVE}"):
        load_weights(MODEL, exported)
    with pytest.raises(BitrainError, match=r"a folder; give the file in it, as model.safetensors"):
        load_weights(MODEL, tmp_path)


def test_numbers_of_other_types(tmp_path):
    path, model = tmp_path / "model.safetensors", nn.Sequential(nn.Linear(2, 4)).bfloat16()
    save_weights(model, path, {})
    assert load_weights(model, path) == {}


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
def test_those_that_come_along(name, capsys):
    model, _, data = name.partition("_")
    assert model in list_models()
    shape = {"mnist": Shape(1, 28, 28), "cifar10": Shape(3, 32, 32)}[data]
    metadata = load_weights(create_model(model, shape, 10), name)
    assert metadata["model"] == model
    assert capsys.readouterr().err == ""
    assert {"data", "recipe", "accuracy", "test_images"} <= metadata.keys()
    assert len(metadata["losses"]) == metadata["recipe"]["epochs"], "the log of its training"
