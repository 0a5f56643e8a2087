"""Sequences for a network: better than bad ones, written as found, kept where they are better."""

import dataclasses

import numpy as np
import pytest
import yaml
from networks import random_network

from bitrain import golden
from bitrain.data import Dataset
from bitrain.nn import ScConfig, StreamSource
from bitrain.sng.search import Sources
from bitrain.sng.sequences import Banks, find_sequences, sources_yaml, with_banks
from bitrain.spec import Network, load_network, save_network, to_unipolar

BITS, LANES = 5, 4
BAD = ScConfig(
    bits=BITS,
    lanes=LANES,
    activation_source=StreamSource(kind="ramp"),
    weight_source=StreamSource(kind="ramp", seed=1),
)
"""Nearly the same values in both banks: products are nearly minima."""


@pytest.fixture
def network() -> Network:
    network = random_network(1, bits=BITS, lanes=LANES, in_shape=(1, 8, 8))
    return with_banks(network, Banks(*BAD.banks()))


@pytest.fixture
def dataset(network, digits) -> Dataset:
    """Digits, with the labels that the network would give with exact products."""
    images = digits.train_images[:120]
    scores = golden.predict(network, to_unipolar(images, BITS), "binary")
    return dataclasses.replace(digits, train_images=images, train_labels=scores.argmax(1))


def test_better_than_bad_sequences(network, dataset, tmp_path) -> None:
    report = find_sequences(network, dataset, images=40, budget=40)
    assert report.found_accuracy > report.own_accuracy
    assert report.images == 40
    assert sum(r.sums.rms for r in report.found) < sum(r.sums.rms for r in report.own) / 2
    assert set(report.by_wirings) <= {1, 2, 4}
    assert report.network is not None and report.sources is not None
    save_network(report.network, tmp_path / "new.npz")
    written = load_network(tmp_path / "new.npz")
    assert written.layers == network.layers
    assert written.metadata["sequences"]["weight_source"]["kind"] == report.sources.weight.kind
    # The printed configuration describes the very banks that were written.
    config = ScConfig(**yaml.safe_load(sources_yaml(network, report.sources))["sc"])
    assert config.length == 1 << BITS
    assert config.banks() == (written.activation_bank, written.weight_bank)


def test_same_seed_same_report(network, dataset) -> None:
    first, second = (find_sequences(network, dataset, images=20, budget=12) for _ in range(2))
    assert first == second


def test_a_good_network_is_kept(network, dataset) -> None:
    """The default sources against a single draw."""
    default = ScConfig(bits=BITS, lanes=LANES)
    good = with_banks(network, Banks(*default.banks()))
    report = find_sequences(good, dataset, images=40, budget=1)
    assert report.network is None
    assert report.sources is not None
    assert tuple(source.bank(BITS, LANES) for source in report.sources) == default.banks()
    assert report.found == report.own
    assert report.found_accuracy == report.own_accuracy


def test_accuracy_must_not_fall(network, dataset) -> None:
    """Labels as the bad sequences give them: no others can have all of them right."""
    scores = golden.predict(network, to_unipolar(dataset.train_images, BITS))
    report = find_sequences(
        network, dataclasses.replace(dataset, train_labels=scores.argmax(1)), images=60, budget=20
    )
    assert report.own_accuracy == 1 > report.found_accuracy
    assert report.network is None


def test_yaml_has_every_option(network) -> None:
    sources = Sources(
        StreamSource(kind="lfsr", taps=(5, 4, 3, 2), seed=9, wiring="mixed", period=2),
        StreamSource(kind="sobol", dimension=5, direction="down", wiring="inverted"),
    )
    text = sources_yaml(network, sources)
    assert "activation_source: {kind: lfsr, taps: [5, 4, 3, 2], seed: 9, wiring: mixed" in text
    config = ScConfig(**yaml.safe_load(text)["sc"])
    assert config.banks() == tuple(source.bank(BITS, LANES) for source in sources)
    layers = list(network.layers)
    layers[0] = layers[0].model_copy(update={"stream_length": 8})
    mixed = network.model_copy(update={"layers": tuple(layers)})
    assert "stream_length" not in sources_yaml(mixed, sources)
    assert np.array_equal(mixed.layers[0].weight, network.layers[0].weight)
