"""What is tried, what is kept, and that finished tries are."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from modules import named_model
from rich.console import Console

from bitrain import golden
from bitrain.data import Dataset
from bitrain.diagnose import Case, Repair, diagnose, repair
from bitrain.diagnose.surgery import OUTPUT, Surgery
from bitrain.nn import ScConfig, convert
from bitrain.spec import Network, load_network, to_unipolar
from bitrain.train.config import FineTuneConfig

CONFIG = ScConfig(bits=3, stream_length=4)


@pytest.fixture(scope="module")
def held_out(digits) -> Dataset:
    return digits.split_validation(200)


@pytest.fixture(scope="module")
def model(trained, digits):
    return convert(trained, digits.in_shape, digits.train_images, CONFIG)


@pytest.fixture(scope="module")
def network(model) -> Network:
    recipe = {"model": "digits_cnn", "sc": CONFIG.model_dump(mode="json")}
    return model.to_network("digits", {"recipe": recipe})


@pytest.fixture
def mended(held_out, digits, tmp_path) -> Callable[..., Repair]:
    """What is found of a network, with what there is to mend it with."""

    def mend(
        network: Network,
        *,
        max_slowdown: float | None = None,
        folder: Path = tmp_path,
        dataset: Dataset = held_out,
        **options: Any,
    ) -> Repair:
        case = Case(network=network, dataset=dataset, test=digits.examples(100), **options)
        images = dataset.test_images, dataset.test_labels
        diagnosis, console = diagnose(network, *images, case.chain), Console(file=io.StringIO())
        return repair(case, diagnosis, folder, max_slowdown=max_slowdown, console=console)

    return mend


@pytest.fixture(scope="module")
def known(model) -> dict[str, Any]:
    """The float model, and how it was converted."""
    return {"chain": [layer.source for layer in model.steps], "config": CONFIG}


@pytest.fixture(scope="module")
def broken(network) -> Network:
    """The first class has all images."""
    *layers, last = network.layers
    bias = last.bias.copy()
    bias[0] += 1 << 12
    spoilt = last.model_copy(update={"bias": bias})
    return Network.model_validate(dict(network) | {"layers": (*layers, spoilt)})


def right(network: Network, dataset: Dataset) -> float:
    images = to_unipolar(dataset.test_images, network.bits)
    return 100 * (golden.predict(network, images).argmax(1) == dataset.test_labels).mean()


def test_without_the_model_a_network_is_as_it_says(mended, broken) -> None:
    found = mended(broken)
    assert found.before < 20
    assert [each.what for each in found.tries] == ["offsets in the biases", "twice the L"]
    assert "need the float model" in found.left_out[0]


def test_with_the_model_spoilt_biases_are_mended(mended, broken, known, held_out, tmp_path) -> None:
    found = mended(broken, **known)
    first = found.tries[0]
    assert (first.what, first.kept) == ("offsets in the biases", True)
    assert first.accuracy > found.before + 40
    fixed = load_network(tmp_path / OUTPUT)
    kept = [each for each in found.tries if each.kept][-1]
    assert right(fixed, held_out) == pytest.approx(kept.accuracy)
    assert found.test["after"]["streams"] > found.test["before"]["streams"] + 40
    written = json.loads((tmp_path / "repair.json").read_text())
    assert written["tries"][0]["gain"]["points"] == first.gain.points


def test_what_costs_cycles_can_be_left_out(mended, network, known, tmp_path) -> None:
    free = mended(network, max_slowdown=1, **known)
    assert {each.mean_length for each in free.tries} == {4.0}
    assert any("products would take 8 cycles on average" in each for each in free.left_out)
    whole = mended(network, folder=tmp_path / "2", **known)
    assert [each.what for each in whole.tries] == [
        "offsets in the biases",
        "equal ranges of channels, exponent 0.5",
        "equal ranges of channels, exponent 1",
        "n = 4",
        "twice the L",
    ]
    assert whole.tries[-1].mean_length == 8


def test_finished_tries_are_kept(mended, network, known, monkeypatch) -> None:
    first = mended(network, **known)
    monkeypatch.setattr(Surgery, "_built", None)  # nothing is built again
    assert mended(network, **known) == first


def test_what_is_not_kept_any_more_moves_away(mended, broken, known, tmp_path) -> None:
    assert any(each.kept for each in mended(broken, **known).tries)
    first = (tmp_path / OUTPUT).read_bytes()
    assert not any(each.kept for each in mended(broken).tries)
    assert not (tmp_path / OUTPUT).exists()
    (moved,) = tmp_path.glob(f"superseded/*/{OUTPUT}")
    assert moved.read_bytes() == first


def test_fine_tuning_comes_last(mended, digits, tmp_path) -> None:
    config, untrained = ScConfig(bits=3), named_model("digits_cnn", digits.in_shape, 10)
    sc = convert(untrained, digits.in_shape, digits.train_images, config)
    known = {"chain": [layer.source for layer in sc.steps], "config": config}
    tuning = FineTuneConfig(epochs=2)
    found = mended(sc.to_network("digits"), max_slowdown=1, tuning=tuning, **known)
    last = found.tries[-1]
    assert (last.what, last.kept) == ("fine-tuning, 2 epochs", True)
    fixed = load_network(tmp_path / OUTPUT)
    assert fixed.metadata["recipe"]["finetune"]["epochs"] == 2


def test_training_is_not_undone(mended, network, known) -> None:
    recipe = {**network.metadata["recipe"], "finetune": {"epochs": 4}}
    tuned = network.model_copy(update={"metadata": {"recipe": recipe}})
    found = mended(tuned, **known)
    assert [each.what for each in found.tries] == ["offsets in the biases", "twice the L"]
    assert "would undo the fine-tuning; give --finetune" in found.left_out[0]


def test_scales_that_were_not_searched_are(mended, trained, digits) -> None:
    config = CONFIG.model_copy(update={"normalise": False, "upscale": False})
    sc = convert(trained, digits.in_shape, digits.train_images, config)
    chain = [layer.source for layer in sc.steps]
    found = mended(sc.to_network("digits"), chain=chain, config=config)
    assert next(each for each in found.tries if each.what == "normalisation and upscaling").kept


def test_other_images_are_tried_anew(mended, network, held_out) -> None:
    first = mended(network)
    other = replace(held_out, test_images=held_out.test_images[::-1].copy())
    assert mended(network, dataset=other).before != first.before
