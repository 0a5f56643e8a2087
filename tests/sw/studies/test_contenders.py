"""Contenders: what the networks of a study are, how they run, and which images they get right."""

import re
from pathlib import Path

import numpy as np
import pytest
from studied import BITS, LENGTH, NETWORK, write_network

from bitrain import golden
from bitrain.cost import estimate
from bitrain.golden.exits import TOLERANCES, Exits, Outcome
from bitrain.program import Array, Program
from bitrain.spec import BitrainError, to_unipolar, with_prefix
from bitrain.studies.contenders import TITLES, Contender, contenders_of_file, find_contenders

ARRAY = Array(channels=4, positions=2, lanes=4)


def contender(study: Path, title: str) -> Contender:
    return next(each for each in find_contenders([study], list(TITLES)) if each.title == title)


def test_contenders(study):
    assert [each.title for each in find_contenders([study], list(TITLES))] == [
        f"streams, n = {BITS}, L = {LENGTH}",
        f"integers in LUTs, n = {BITS}",
        f"integers in DSP blocks, n = {BITS}",
        f"bit-serial integers, n = {BITS}",
        f"streams, n = {BITS}, L = 4, one set of weights",
        f"streams, n = {BITS}, L = 8, one set of weights",
        f"streams, n = {BITS}, L = {LENGTH}, one set of weights",
        *(f"streams, exits, tolerance {each:g}" for each in TOLERANCES),
        "streams, exits",
        "bit-serial integers, n = 2, one set of weights",
        "bit-serial integers, n = 3, one set of weights",
        f"bit-serial integers, n = {BITS}, one set of weights",
        *(f"bit-serial integers, exits, tolerance {each:g}" for each in TOLERANCES),
        "bit-serial integers, exits",
    ]


def test_accuracy_and_cycles_of_exits(study, study_images):
    found = contender(study, "streams, exits")
    pixels = to_unipolar(study_images.test_images, BITS)
    for network, (ladder, outcome) in zip(found.networks, found.judge(study_images), strict=True):
        assert ladder == (8, LENGTH)
        short = golden.predict(with_prefix(network, 8), pixels)
        scores = golden.predict(network, pixels)
        stops = golden.margins(short) >= network.exits[0].margin
        assert 0 < stops.sum() < len(stops)
        classes = np.where(stops, short.argmax(1), scores.argmax(1))
        assert (outcome.right == (classes == study_images.test_labels)).all()
        assert (outcome.places == ~stops).all()
    around, runs = found.cycles(found.networks[0], ARRAY)
    program = Program(found.networks[0], ARRAY, early_termination=True)
    costs = [estimate(program.prefix_programs[length]) for length in (8, LENGTH)]
    assert runs == {8: costs[0].latency, LENGTH: costs[1].latency}
    assert around == costs[0].load_cycles + costs[0].output_cycles


def test_exits_for_a_tolerance_are_chosen_on_training_images(study, study_images):
    found = contender(study, "streams, exits, tolerance 0.2")
    for network, (ladder, outcome) in zip(found.networks, found.judge(study_images), strict=True):
        runs = [with_prefix(network, length) for length in (4, 8, LENGTH)]
        known = to_unipolar(study_images.train_images, BITS)
        chosen = Exits.of(runs, known, study_images.train_labels, [4, 8, LENGTH]).choose(0.002)
        assert ladder == tuple((4, 8, LENGTH)[rung] for rung in chosen.rungs)
        pixels = to_unipolar(study_images.test_images, BITS)
        scores = [golden.predict(run, pixels) for run in runs]
        expected = Outcome(chosen, scores, study_images.test_labels, [4, 8, LENGTH])
        assert (outcome.right == expected.right).all()
        assert (outcome.places == expected.places).all()


def test_bits_left_out_of_integers(study, study_images):
    """A shorter run of integers has the numbers of fewer bits."""
    found = contender(study, "bit-serial integers, n = 2, one set of weights")
    array = ARRAY.model_copy(update={"arithmetic": "bitserial"})
    pixels = to_unipolar(study_images.test_images, BITS)
    for network, (_, outcome) in zip(found.networks, found.judge(study_images), strict=True):
        shorter = array.rules.shorter(network)[4]
        *_, scores = golden.run_shorter(network, shorter, pixels, "bitserial")
        classes = scores.reshape(len(pixels), -1).argmax(1)
        assert (outcome.right == (classes == study_images.test_labels)).all()


def test_wrong_folders(study, tmp_path):
    with pytest.raises(BitrainError, match="empty: no networks; expected the --out folder of"):
        find_contenders([tmp_path / "empty"], ["binary"])
    seed = next(study.glob("seed*"))
    with pytest.raises(BitrainError, match=f"no networks; .*`bitrain accuracy`, as {study}$"):
        find_contenders([seed], ["binary"])
    with pytest.raises(BitrainError, match="no network for or; OR groups want a folder"):
        find_contenders([study], ["or"])
    with pytest.raises(BitrainError, match=r"streams, .* is in more than one; give one of them"):
        find_contenders([study, study], ["stochastic"])
    (tmp_path / "odd/seedless/L4").mkdir(parents=True)
    with pytest.raises(BitrainError, match="odd: no networks; expected the --out folder of"):
        find_contenders([tmp_path / "odd"], ["binary"])
    write_network(tmp_path / "old/seed0/L4", NETWORK, "stochastic")
    with pytest.raises(BitrainError, match=re.escape("rival.npz: not there; expected the --out")):
        find_contenders([tmp_path / "old"], ["stochastic"])


def titles(path: Path, families: list[str]) -> list[str]:
    return [each.title for each in contenders_of_file(path, families)]


def test_a_file_by_itself(study):
    path = study / f"seed0/L{LENGTH}/network.npz"
    (only,) = contenders_of_file(path, list(TITLES))
    assert only.title == f"streams, n = {BITS}, L = {LENGTH}"
    assert only.files == (path,)
    assert titles(path, ["binary", "dsp"]) == []
    integers = study / f"seed0/L{LENGTH}/rival.npz"
    assert titles(integers, ["dsp"]) == [f"integers in DSP blocks, n = {BITS}"]
    assert len(titles(integers, list(TITLES))) == 3


def test_a_file_of_several_lengths_runs_at_each_and_with_exits(study):
    found = titles(study / "seed0/anytime/network.npz", list(TITLES))
    assert len(found) == 4 + len(TOLERANCES) and found[-1] == "streams, exits"
    serial = titles(study / "seed0/anytime/rival.npz", list(TITLES))
    assert all(title.startswith("bit-serial") for title in serial)


def test_files_of_a_study_are_those_of_its_seeds(study):
    found = contender(study, "integers in DSP blocks, n = 5")
    assert found.files == tuple(study / f"seed{seed}/L{LENGTH}/rival.npz" for seed in range(2))
