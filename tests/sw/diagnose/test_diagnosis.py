"""What a diagnosis says in words, and what it writes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from networks import random_images, random_network

from bitrain.diagnose import Diagnosis, diagnose, write_diagnosis
from bitrain.diagnose.diagnosis import finding
from bitrain.nn import ScConfig, convert
from bitrain.spec import to_unipolar

NETWORK = random_network(3)


@pytest.fixture(scope="module")
def diagnosis() -> Diagnosis:
    images = random_images(NETWORK, 20) / np.float32(NETWORK.one)
    return diagnose(NETWORK, images, np.zeros(20, np.int64))


def test_every_layer_is_there(diagnosis) -> None:
    assert [layer.name for layer in diagnosis.layers] == [each.name for each in NETWORK.layers]
    assert diagnosis.images == 20
    assert {each.layer for each in diagnosis.worst} == {each.name for each in NETWORK.layers}
    assert (
        diagnosis.worst[0].layer
        == min(diagnosis.layers, key=lambda layer: (-layer.in_float.agreement, layer.own_snr)).name
    )


def test_it_is_written_whole(diagnosis, tmp_path) -> None:
    write_diagnosis(diagnosis, tmp_path)
    found = json.loads((tmp_path / "diagnosis.json").read_text())
    assert found["layers"][0]["own_snr"] == diagnosis.layers[0].own_snr
    assert found["accuracy"] == diagnosis.accuracy
    assert (tmp_path / "diagnosis.svg").read_text().startswith("<svg")


def test_against_a_float_model_rounded_weights_count(make_case) -> None:
    case = make_case(0)
    sc = convert(case.model, case.in_shape, case.images, ScConfig(bits=3))
    network, labels = sc.to_network("few"), np.zeros(len(case.images), np.int64)
    chain = [layer.source for layer in sc.steps]
    own, whole = (diagnose(network, case.images, labels, given) for given in (None, chain))
    assert to_unipolar(case.images, 3).shape == case.images.shape
    for mine, other in zip(own.layers, whole.layers, strict=True):
        assert other.integer_snr < mine.integer_snr


@pytest.mark.parametrize(
    ("changes", "helps"),
    [
        ({"streams": 0.9, "doubled": None}, "n = 5 with L = 32"),
        ({"rounding": 0.9, "doubled": None}, "n = 5"),
        ({"rounding": 0.9, "doubled": None, "spread": 9.0}, "equal ranges of channels"),
        ({"saturation": 0.9}, "fine-tuning, which learns with the saturation"),
        ({"offset": 0.5}, "offsets in the biases"),
        ({}, "fine-tuning"),
    ],
)
def test_what_helps_follows_from_what_makes_the_errors(diagnosis, changes, helps) -> None:
    quiet = {"streams": 0.0, "rounding": 0.0, "saturation": 0.0, "offset": 0.0, "own_snr": 20.0}
    quiet |= {"spread": 1.0, "stream_length": 16}
    layer = replace(diagnosis.layers[0], **{**quiet, **changes})
    found = finding(layer, NETWORK)
    assert any(each.startswith(helps) for each in found.helps)
    assert found.layer == layer.name and "dB of its own" in found.why


def test_longer_streams_are_named_where_there_is_room(diagnosis) -> None:
    gained = diagnosis.layers[0].in_float
    layer = replace(diagnosis.layers[0], streams=0.9, stream_length=8, doubled=gained)
    assert "L = 16" in finding(layer, NETWORK).helps
