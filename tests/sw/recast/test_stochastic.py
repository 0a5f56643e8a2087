"""Layers that learn to give with streams what they give in real numbers."""

import pytest
import torch
from torch.nn import functional as F

from bitrain.nn import ScConfig, ScModel, convert
from bitrain.recast.plan import ScRecast
from bitrain.recast.stochastic import last_layers, recast_stochastic
from bitrain.spec import Shape
from bitrain.train.config import TrainConfig

CONFIG = TrainConfig(epochs=3, batch_size=20, learning_rate=2e-3, max_shift=0)


@pytest.fixture
def start(make_net, spots):
    """Converts a trained net of a kind."""

    def make(kind: str) -> ScModel:
        sc = ScConfig(bits=3, calibration_images=60)
        return convert(make_net(kind), spots.in_shape, spots.train_images, sc)

    return make


def recipe(mode: str = "exact") -> ScRecast:
    options = {"sc": {"bits": 3, "calibration_images": 60}, "train": CONFIG.model_dump()}
    return ScRecast.model_validate({"mode": mode, **options})


def difference(sc_model: ScModel, index: int, images) -> float:
    with torch.no_grad():
        x = torch.from_numpy(images)
        found, wanted = sc_model.activation(x, index), sc_model.float_activation(x, index)
    return F.mse_loss(found, wanted).item()


def states(sc_model: ScModel) -> list[dict[str, torch.Tensor]]:
    return [{k: v.clone() for k, v in layer.state_dict().items()} for layer in sc_model.steps]


def test_last_layer_of_each_block(start):
    names = [layer.source.name for layer in start("conv").steps]
    assert last_layers(start("conv")) == [0, 1, 2, 3], names
    sc_model = start("residual")
    owners = [layer.source.name.split(".")[0] for layer in sc_model.steps]
    assert owners == ["0", "1", "1", "2", "2", "3"]
    assert last_layers(sc_model) == [0, 2, 4, 5]


@pytest.mark.parametrize(("kind", "index"), [("conv", 1), ("conv", 3), ("residual", 4)])
def test_streams_come_nearer(start, spots, kind, index):
    sc_model = start(kind)
    before, old = states(sc_model), difference(sc_model, index, spots.test_images)
    floats = sc_model.float_scores(torch.from_numpy(spots.test_images))
    losses = recast_stochastic(sc_model, index, spots, recipe())
    assert len(losses) == 3
    assert difference(sc_model, index, spots.test_images) < old
    assert torch.equal(floats, sc_model.float_scores(torch.from_numpy(spots.test_images)))
    for i, (wanted, found) in enumerate(zip(before, states(sc_model), strict=True)):
        changed = any(not torch.equal(wanted[name], found[name]) for name in wanted)
        assert changed == (i <= index), i


def test_noise_alike_and_exact_sums_after(start, spots, monkeypatch):
    sc_model, index = start("conv"), 2
    old, calls = difference(sc_model, index, spots.test_images), []
    real = ScModel.calibrate_noise

    def counted(model, images):
        calls.append(len(images))
        real(model, images)
        assert all(layer.noise for layer in model.steps)

    monkeypatch.setattr(ScModel, "calibrate_noise", counted)
    recast_stochastic(sc_model, index, spots, recipe("noise"))
    assert calls == [60] * 3, "measured anew in every epoch"
    assert not any(layer.noise for layer in sc_model.steps)
    assert difference(sc_model, index, spots.test_images) < old


def test_resumes_to_the_same(start, spots, tmp_path):
    def train(path=None, epochs=3) -> tuple[list[float], list[dict[str, torch.Tensor]]]:
        sc_model = start("conv")
        losses = recast_stochastic(sc_model, 1, spots, recipe(), checkpoint=path)
        return losses, states(sc_model)

    path = tmp_path / "layer.pt"
    wanted, again = train(path), train(path)
    assert again[0] == wanted[0]
    for one, other in zip(again[1], wanted[1], strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_shape_of_an_activation(start, spots):
    assert spots.in_shape == Shape(1, 8, 8)
    sc_model = start("conv")
    x = torch.from_numpy(spots.test_images[:2])
    for index, shape in enumerate([(6, 8, 8), (6, 8, 8), (8, 4, 4), (4, 1, 1)]):
        assert sc_model.activation(x, index).shape == (2, *shape)
