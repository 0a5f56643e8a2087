"""The progressive report: numbers that agree with golden model and cost model, and its files."""

import json
from typing import Any

import numpy as np
import pytest
from classifier import labelled_images, random_classifier

from bitrain import golden
from bitrain.cost import estimate
from bitrain.data import Dataset
from bitrain.program import Array, Program
from bitrain.spec import BitrainError, Exit, Network, to_unipolar, with_prefix
from bitrain.studies.progressive import ProgressiveReport, evaluate_progressive, write_progressive

ARRAY = Array(channels=2, positions=2, lanes=4)
NETWORK = random_classifier()


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return labelled_images(NETWORK, 50, 40, wrong=True)


def report(dataset: Dataset, **options: Any) -> ProgressiveReport:
    if "ladder" not in options:
        options.setdefault("tolerance", 2)
    options.setdefault("lengths", [4, 8, 16, 32])
    return evaluate_progressive(NETWORK, ARRAY, dataset, **options)


def test_prefixes_are_those_of_golden_and_cost_model(dataset):
    found = report(dataset).prefixes
    assert [prefix.length for prefix in found] == [4, 8, 16, 32]
    images = to_unipolar(dataset.test_images, NETWORK.bits)
    for prefix in found:
        network = with_prefix(NETWORK, prefix.length)
        right = golden.predict(network, images).argmax(1) == dataset.test_labels
        assert prefix.accuracy == pytest.approx(100 * right.mean())
        assert prefix.cycles == estimate(Program(network, ARRAY)).latency


def test_shares_and_cycles_add_up(dataset):
    found = report(dataset)
    assert found.images == 40
    assert found.calibration_images == 50
    cycles = {prefix.length: prefix.cycles for prefix in found.prefixes}
    passes = [cycles[rung.length] for rung in found.rungs]
    assert [rung.cycles_used for rung in found.rungs] == np.cumsum(passes).tolist()
    assert sum(rung.share for rung in found.rungs) == pytest.approx(100)
    mean = sum(rung.share / 100 * rung.cycles_used for rung in found.rungs)
    assert found.mean_cycles == pytest.approx(mean)
    right = sum(rung.share / 100 * (rung.accuracy or 0) for rung in found.rungs)
    assert found.accuracy == pytest.approx(right)
    assert [rung.threshold is None for rung in found.rungs][-1]
    for rung in found.rungs[:-1]:
        last = min(rung.length, NETWORK.layers[-1].stream_length)
        assert rung.threshold is not None and rung.margin == rung.threshold * last
    counts = np.bincount(dataset.test_labels, minlength=5) / found.images
    for key, whole in (("exit_accuracy", found.accuracy), ("mean_cycles", found.mean_cycles)):
        parts = [found.by_class[name][key] for name in found.by_class]
        assert np.dot(counts[counts > 0], parts) == pytest.approx(whole)
    cycles = [each["mean_cycles"] for each in found.by_tolerance.values()]
    assert cycles == sorted(cycles, reverse=True)
    for shares in found.last_layer.values():
        assert len(shares) == 33
        assert sum(shares) == pytest.approx(100)


def test_any_tolerance_stops_all_at_the_cheapest_prefix(dataset):
    found = report(dataset, tolerance=100)
    first, last = found.rungs
    cheapest = min(prefix.cycles for prefix in found.prefixes)
    assert (first.threshold, first.share, last.share, last.accuracy) == (0, 100, 0, None)
    assert found.mean_cycles == first.cycles_used == cheapest
    assert set(found.percentile_cycles.values()) == {cheapest}


def test_exits_of_the_network(dataset):
    """They count where nothing else is asked for, whatever prefixes are."""
    exits = (Exit(length=8, margin=3), Exit(length=16, margin=0))
    network = Network.model_validate(dict(NETWORK) | {"exits": exits})
    found = evaluate_progressive(network, ARRAY, dataset, lengths=[4])
    assert [(rung.length, rung.margin) for rung in found.rungs] == [(8, 3), (16, 0), (32, None)]
    assert [prefix.length for prefix in found.prefixes] == [4, 8, 16, 32]
    assert found.tolerance is None and not found.by_tolerance
    chosen = evaluate_progressive(network, ARRAY, dataset, lengths=[4], tolerance=0)
    assert chosen.tolerance == 0 and [rung.length for rung in chosen.rungs][-1] == 32


def test_prefixes_that_shorten_nothing_give_the_network(dataset):
    found = report(dataset, lengths=[32])
    assert [rung.length for rung in found.rungs] == [32]
    assert found.accuracy == found.prefixes[-1].accuracy
    assert found.changed == 0
    assert found.mean_cycles == found.full_cycles


def test_files(dataset, tmp_path):
    found = report(dataset, num_images=10)
    write_progressive(found, tmp_path / "new")
    saved = json.loads((tmp_path / "new" / "progressive.json").read_text())
    assert saved["images"] == 10
    assert saved["mean_cycles"] == found.mean_cycles
    assert len(saved["rungs"]) == len(found.rungs)
    svg = (tmp_path / "new" / "progressive.svg").read_text()
    assert svg.startswith("<svg")
    assert f"mean {found.mean_cycles:,.0f}" in svg
    for rung in found.rungs:
        assert (f">{rung.share:.1f} %<" in svg) == (rung.share > 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lengths": []}, "--lengths : expected rising powers of two"),
        ({"lengths": [8, 4]}, "--lengths 8,4: expected rising powers of two"),
        ({"lengths": [4, 4]}, "--lengths 4,4: expected rising powers of two"),
        ({"lengths": [4, 6]}, "--lengths 4,6: expected rising powers of two"),
        ({"lengths": [0, 4]}, "--lengths 0,4: expected rising powers of two"),
        ({"lengths": [4, 64]}, "rising powers of two up to the longest stream's 32, as 4,8"),
        ({"tolerance": 1, "ladder": {4: 3}}, "--tolerance chooses the margins that --ladder gives"),
        ({"tolerance": 101}, "--tolerance 101: expected points of accuracy, 0 … 100"),
        ({"num_images": 41}, "41 images asked for, the test split has 40"),
    ],
)
def test_wrong_options(dataset, options, message):
    with pytest.raises(BitrainError, match=message):
        report(dataset, **options)


def test_margins_that_are_given(dataset):
    """As many product bits as are asked for; the last length always decides."""
    found = report(dataset, ladder={4: 1, 16: 3}, early_termination=True)
    assert [(rung.length, rung.margin) for rung in found.rungs] == [(4, 1), (16, 3), (32, None)]
    full = estimate(Program(NETWORK, ARRAY, early_termination=True)).latency
    assert (
        found.full_cycles == full == estimate(Program(NETWORK, ARRAY, run_time_length=True)).latency
    )
    with pytest.raises(BitrainError, match="--ladder: length 32, expected some of"):
        report(dataset, ladder={32: 1})
