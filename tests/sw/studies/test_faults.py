"""The study of bit flips: accuracies of golden, steps that are kept, words, and wrong options."""

import json
from typing import Any

import numpy as np
import pytest
from classifier import labelled_images, random_classifier
from rich.console import Console

from bitrain.data import Dataset, evenly_spaced
from bitrain.golden.faults import ARITHMETICS, SITES, Faults, Site, faulty_scores
from bitrain.program import Array, Program
from bitrain.spec import BitrainError, to_unipolar
from bitrain.studies import faults
from bitrain.studies.faults import measure_faults, parse_rates, summarise, tolerated

ARRAY = Array(channels=2, positions=2, lanes=4)
NETWORK = random_classifier()


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return labelled_images(NETWORK, 10, 50, wrong=False)


@pytest.fixture
def study(dataset, tmp_path):
    """Run the study in one folder."""

    def run(**options: Any) -> dict[str, Any]:
        options = {"rates": [0.01, 0.2], "num_seeds": 7, "num_images": 20} | options
        network = options.pop("network", NETWORK)
        console = Console(quiet=True)
        return measure_faults(network, ARRAY, dataset, tmp_path / "out", console, **options)

    return run


def test_accuracies_are_those_of_golden(study, dataset):
    result = study()
    assert result["without_faults"]["stochastic"] == 100
    rows = {(row["arithmetic"], row["site"], row["rate"]): row for row in result["rows"]}
    assert len(rows) == 2 * (5 + 4 + 4)
    pixels, labels = dataset.examples(20)
    images, numbers = to_unipolar(pixels, NETWORK.bits), evenly_spaced(np.arange(50), 20)
    cases: tuple[tuple[str, Site], ...] = (
        ("stochastic", "streams"),
        ("binary", "counters"),
        ("bitserial", "streams"),
    )
    for arithmetic, site in cases:
        program = Program(NETWORK, ARRAY.model_copy(update={"arithmetic": arithmetic}))
        for rate in (0.01, 0.2):
            row = rows[arithmetic, site, rate]
            found = [
                faulty_scores(program, images, numbers, Faults(site=site, rate=rate, seed=seed))
                for seed in range(7)
            ]
            expected = [100 * (scores.argmax(1) == labels).mean() for scores in found]
            assert row["accuracies"] == pytest.approx(expected)
            assert row["median"] == pytest.approx(np.median(expected))
            assert row["low"] <= row["median"] <= row["high"]
    # 16 slots of 5 channels, 3 tiles of 2 channels and 1 position each.
    assert rows["stochastic", "weights", 0.2]["bits"] == 5 * 16 * 7
    assert rows["stochastic", "streams", 0.2]["bits"] == 3 * (2 + 1) * 16 * 32
    assert rows["binary", "streams", 0.2]["bits"] == 3 * (2 + 1) * 16 * 6
    assert rows["bitserial", "streams", 0.2]["bits"] == 3 * (2 + 1) * 16 * 25


def test_blocks_of_seeds_are_kept(study, monkeypatch, tmp_path):
    """A study that stops goes on where it was, and gives what one gives that does not stop."""
    options = {"sites": ["weights"], "arithmetics": ["stochastic"], "rates": [0.2]}
    whole, calls = study(**options), []
    text = (tmp_path / "out" / "faults.json").read_text()
    last = tmp_path / "out" / "steps" / "stochastic-weights-0.2-seeds5-6.json"
    last.unlink()
    real = faults.faulty_scores
    monkeypatch.setattr(faults, "faulty_scores", lambda *a: calls.append(a[-1].seed) or real(*a))
    assert study(**options) == whole
    assert calls == [5, 6]
    assert (tmp_path / "out" / "faults.json").read_text() == text
    # Others beside them; the first ones stay.
    study(**options | {"sites": ["counters", "weights"]})
    assert calls == [5, 6, *range(7)]


def test_results_of_other_images_move_away(study, tmp_path):
    options = {"sites": ["weights"], "arithmetics": ["stochastic"]}
    study(**options)
    study(**options, num_images=10)
    moved = tmp_path / "out" / "superseded" / "1"
    assert json.loads((moved / "faults.json").read_text())["images"] == 20
    assert json.loads((tmp_path / "out" / "faults.json").read_text())["images"] == 10


def test_files(study, tmp_path):
    result = study(num_seeds=1, num_images=None)
    assert json.loads((tmp_path / "out" / "faults.json").read_text()) == result
    assert result["images"] == 50
    svg = (tmp_path / "out" / "faults.svg").read_text()
    for label in ("stream bits", "sequence values", "counters", "integers", "flips of a bit"):
        assert label in svg


def made(**medians: list[list[float] | None]) -> dict[str, Any]:
    """A result of three rates with these medians of each arithmetic."""
    rates = [1e-4, 1e-3, 1e-2]
    rows = [
        {"arithmetic": arithmetic, "site": site, "rate": rate, "median": median}
        for site, by_arithmetic in medians.items()
        for arithmetic, values in zip(ARITHMETICS, by_arithmetic, strict=False)
        for rate, median in zip(rates, values or (), strict=bool(values))
    ]
    clean = {"stochastic": 99.0, "binary": 99.5, "bitserial": 98.0}
    clean = {name: clean[name] for name in clean if any(name == row["arithmetic"] for row in rows)}
    return {"rates": rates, "without_faults": clean, "rows": rows}


def test_words_follow_from_the_numbers():
    result = made(
        streams=[[99, 98.5, 98.0], [99, 90, 50]],
        sources=[[99, 99, 20], None],
        weights=[[90, 50, 10], [99.4, 99, 70]],
        counters=[[10, 10, 10], [10, 10, 10]],
        activations=[[98.1, 97, 98.5], [99, 90, 20]],
    )
    assert tolerated(result, "stochastic", "streams") == 1e-2
    assert tolerated(result, "stochastic", "weights") is None
    assert tolerated(result, "stochastic", "activations") == 1e-4  # not what comes right again
    assert summarise(result) == [
        "Without faults: streams 99.00 %, integers 99.50 %.",
        "Streams lose at most 1 point at the median up to these rates: stream bits 0.01, sequence "
        "values 0.001, weight memory none of them, counters none of them, activation memory "
        "0.0001.",
        "Integers lose at most 1 point at the median up to these rates: operand bits 0.0001, "
        "weight memory 0.001, counters none of them, activation memory 0.0001.",
        "Stream bits: streams tolerate a higher rate than integers, 100 times; at 0.001 they lose "
        "0.5 points, integers 9.5.",
        "Sequence values: integers have none.",
        "Weight memory: streams tolerate a lower rate than integers; at 0.0001 they lose 9.0 "
        "points, integers 0.1.",
        "Counters: streams tolerate as high a rate as integers; at 0.0001 they lose 89.0 points, "
        "integers 89.5.",
        "Activation memory: streams tolerate as high a rate as integers; at 0.001 they lose 2.0 "
        "points, integers 9.5.",
    ]


def test_words_of_three_arithmetics():
    result = made(
        streams=[[99, 99, 99], [99, 90, 50], [98, 97.5, 90]], sources=[[99, 99, 20], None, None]
    )
    assert summarise(result)[3:] == [
        "Bit-serial integers lose at most 1 point at the median up to these rates: selected bits "
        "0.001.",
        "Stream bits: streams tolerate a higher rate than integers, 100 times; at 0.001 they lose "
        "0.0 points, integers 9.5.",
        "Stream bits: streams tolerate a higher rate than bit-serial integers, 10 times; at 0.01 "
        "they lose 0.0 points, bit-serial integers 8.0.",
        "Sequence values: integers have none.",
    ]


def test_words_of_integers_alone():
    result = made(streams=[None, [99, 90, 50], [98, 97.5, 90]])
    assert summarise(result)[-1] == (
        "Operand bits: integers tolerate a lower rate than bit-serial integers, 10 times; at 0.001 "
        "they lose 9.5 points, bit-serial integers 0.5."
    )


def test_words_of_sequences_alone(study):
    summary = study(sites=["sources"], rates=[0.2], num_seeds=1)["summary"]
    assert [line.split(" lose ")[0] for line in summary[1:]] == [
        "Streams",
        "Sequence values: integers have none.",
    ]


def test_words_of_one_arithmetic(study):
    summary = study(arithmetics=["binary"], sites=["weights"])["summary"]
    assert len(summary) == 2 and summary[1].startswith("Integers lose at most 1 point")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rates": []}, "--rates : expected rising probabilities above 0 and up to 1"),
        ({"rates": [0.1, 0.01]}, "--rates 0.1,0.01: expected rising"),
        ({"rates": [0.1, 0.1]}, "--rates 0.1,0.1: expected rising"),
        ({"rates": [0, 0.1]}, "--rates 0,0.1: expected rising"),
        ({"rates": [0.1, 2]}, "--rates 0.1,2: expected rising"),
        ({"rates": [float("nan")]}, "--rates nan: expected rising"),
        ({"num_seeds": 0}, "--seeds 0: expected how many, from 1"),
        ({"num_images": 0}, "--images 0: expected 1 … 50, the test images there are"),
        ({"num_images": 51}, "--images 51: expected 1 … 50"),
        ({"sites": ["bias"]}, f"--sites bias: expected some of {','.join(SITES)}, each once"),
        ({"sites": ["weights"] * 2}, "--sites weights,weights: expected some of"),
        ({"arithmetics": ["ternary"]}, "--arithmetics ternary: expected some of stochastic,binary"),
        (
            {"arithmetics": [""]},
            "--arithmetics : expected some of stochastic,binary,bitserial, each",
        ),
        ({"arithmetics": ["binary"], "sites": ["sources"]}, "--sites sources: integers have no"),
    ],
)
def test_wrong_options(study, tmp_path, options, message):
    with pytest.raises(BitrainError, match=message):
        study(**options)
    assert not (tmp_path / "out").exists()


def test_rates_that_are_no_numbers():
    assert parse_rates("1e-5,0.1") == [1e-5, 0.1]
    with pytest.raises(BitrainError, match="--rates 1e-5;1: expected numbers between commas"):
        parse_rates("1e-5;1")


def test_an_array_that_does_not_suit(dataset, tmp_path):
    array = ARRAY.model_copy(update={"lanes": 3})
    with pytest.raises(BitrainError, match="lanes"):
        measure_faults(NETWORK, array, dataset, tmp_path / "out", Console(quiet=True))
