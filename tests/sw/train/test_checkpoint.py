"""The state of a run in a file, and files that do not belong to it."""

import pytest
import torch
from torch import nn

from bitrain.spec import BitrainError
from bitrain.train.checkpoint import Checkpoint
from bitrain.train.config import TrainConfig
from bitrain.train.optimizer import make_optimizer

CONFIG = TrainConfig(epochs=3)


def parts(outputs: int = 4):
    """A model after one step, and its optimizer, which remembers it."""
    torch.manual_seed(outputs)
    model = nn.Linear(3, outputs)
    optimizer = make_optimizer(model.parameters(), CONFIG)
    model(torch.ones(2, 3)).square().sum().backward()
    optimizer.step()
    return model, optimizer


@pytest.fixture
def saved(tmp_path) -> Checkpoint:
    file = Checkpoint(path=tmp_path / "run" / "checkpoint.pt")
    file.save(*parts(), CONFIG, [1.5, 0.5])
    return file


def test_what_was_saved_comes_back(saved):
    model, optimizer = parts()
    wanted = [value.clone() for value in model.state_dict().values()]
    other, others = parts()
    nn.init.zeros_(other.weight)
    others.load_state_dict(make_optimizer(other.parameters(), CONFIG).state_dict())
    assert saved.load(other, others, CONFIG) == [1.5, 0.5]
    pairs = zip(wanted, other.state_dict().values(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    assert str(others.state_dict()) == str(optimizer.state_dict())


def test_no_file_yet(tmp_path):
    assert Checkpoint(path=tmp_path / "checkpoint.pt").load(*parts(), CONFIG) == []


def test_another_recipe(saved):
    changed = CONFIG.model_copy(update={"epochs": 9, "flip": True})
    with pytest.raises(BitrainError) as error:
        saved.load(*parts(), changed)
    assert str(error.value) == (
        f"{saved.path}: checkpoint of another recipe (epochs: 3 there, 9 now, flip: False there, "
        "True now); use the same settings or delete it to start again"
    )


def test_another_model(saved):
    with pytest.raises(BitrainError) as error:
        saved.load(*parts(5), CONFIG)
    message = "checkpoint of another model; delete it to start again"
    assert str(error.value) == f"{saved.path}: {message}"


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "other", "bit"])
def test_spoilt(saved, damage):
    content = saved.path.read_bytes()
    middle = len(content) // 2
    changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    damaged = {"empty": b"", "cut": content[:-300], "text": b"hello", "bit": changed}
    if damage == "other":
        torch.save([1, 2], saved.path)
    else:
        saved.path.write_bytes(damaged[damage])
    with pytest.raises(BitrainError) as error:
        saved.load(*parts(), CONFIG)
    message = "not a readable checkpoint; delete it to start again"
    assert str(error.value) == f"{saved.path}: {message}"
