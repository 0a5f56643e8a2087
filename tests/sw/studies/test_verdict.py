"""Which arithmetic pays: contenders of a study's folder, their accelerators, and the words."""

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from classifier import random_classifier
from networks import worded
from rich.console import Console
from standard_cells import small_library
from studied import BITS, LENGTH, write_network

from bitrain.accelerator import Engines
from bitrain.cli.render.studies import verdict_cells_table, verdict_table
from bitrain.gen.asic.liberty import read_library
from bitrain.gen.families.resources import Resources
from bitrain.golden.exits import TOLERANCES
from bitrain.program import Array
from bitrain.spec import BitrainError
from bitrain.studies import pareto, verdict
from bitrain.studies.contenders import TITLES, Contender, find_contenders
from bitrain.studies.verdict import (
    measure_verdict,
    parse_families,
    parse_lanes,
    parse_widths,
    words,
)

NEURONS = 4, 2
ARRAY = Array(channels=4, positions=2, lanes=4)


class Report:
    """What synthesis finds: LUTs by the width, at a clock of its own where it is routed."""

    tools: ClassVar = {"stand-in": "1"}

    def __init__(self, array: Array, *, route: bool):
        lut = {1: 1000, 2: 1500}[array.width] + array.lanes + 10 * route
        self.resources = Resources(lut=lut, ff=3, bram=2, dsp=int(array.dsp))
        self.fmax_mhz = 90.0 if route else None


@pytest.fixture
def judge(monkeypatch, study, study_images, tmp_path):
    """The verdict with a stand-in for synthesis; and what was synthesised."""

    def call(families: str = ",".join(TITLES), **options: Any) -> tuple[dict[str, Any], list[str]]:
        made, arrays = [], {}

        def generate_ip(engines: Engines, folder: Path, **_: Any) -> None:
            arrays[folder] = engines.array

        def synthesise(folder: Path, device: str, *, frequency: float, route: bool) -> Report:
            if arrays[folder].width == 4:
                raise BitrainError("does not fit")
            made.append(f"{folder.name}{' routed' * route}")
            return Report(arrays[folder], route=route)

        monkeypatch.setattr(pareto, "DRAWS", 20)
        monkeypatch.setattr(verdict, "generate_ip", generate_ip)
        monkeypatch.setattr(verdict, "synthesise", synthesise)
        contenders = find_contenders([study], parse_families(families))
        options = {"widths": (1, 2), "lanes": (4,), "least": 10.0} | options
        out = tmp_path / "out"
        result = measure_verdict(
            contenders, NEURONS, study_images, out, Console(quiet=True), **options
        )
        return result, made

    return call


def contender(study: Path, title: str) -> Contender:
    return next(each for each in find_contenders([study], list(TITLES)) if each.title == title)


def test_rows(judge, study_images, study, tmp_path):
    result, made = judge()
    assert len(result["rows"]) == 12 + 2 * len(TOLERANCES) and result["seeds"] == 2
    rows = {row["title"]: row for row in result["rows"]}
    exits = rows["streams, exits"]
    found = contender(study, "streams, exits")
    outcomes = [outcome for _, outcome in found.judge(study_images)]
    accuracies = [100 * outcome.right.mean() for outcome in outcomes]
    assert exits["by_seed"] == pytest.approx(accuracies)
    assert exits["accuracy"] == pytest.approx(np.mean(accuracies))  # the median of two
    # All runs count, with loading and scores; at the clock that routing found.
    array = Array(channels=4, positions=2, lanes=exits["lanes"], width=exits["width"])
    around, runs = found.cycles(found.networks[0], array)
    used = np.cumsum([runs[8], runs[LENGTH]])
    cycles = [around + used[outcome.places].mean() for outcome in outcomes]
    assert exits["image_cycles"] == pytest.approx(np.mean(cycles))
    assert exits["images_per_s"] == pytest.approx(90e6 / np.mean(cycles))
    per_lut = exits["images_per_s"] / exits["lut"] * 1000
    assert exits["images_per_s_per_klut"] == pytest.approx(per_lut)
    # The width with most images/s for its LUTs is routed, and no other; all runs of one network
    # have one accelerator.
    routed = [name for name in made if name.endswith("routed")]
    assert len(routed) == 6 and len(made) == 6 * 3
    for row in result["rows"]:
        best = max(row["tried"], key=lambda tried: tried["images_per_s_per_klut"])
        assert (row["width"], row["lut"] - 10) == (best["width"], best["lut"])
    assert rows[f"streams, n = {BITS}, L = 4, one set of weights"]["lut"] == exits["lut"]
    assert rows[f"integers in DSP blocks, n = {BITS}"]["dsp"] == 1
    assert json.loads((tmp_path / "out/verdict.json").read_text()) == result
    assert (tmp_path / "out/verdict.svg").read_text().startswith("<svg")
    assert verdict_table(result).row_count == len(result["rows"])
    again, made = judge()
    assert (again, made) == (result, [])  # kept


def test_a_network_trained_anew_is_judged_anew(judge, study, study_images, monkeypatch):
    """Of the same recipe: its weights count."""
    before, _ = judge("binary", route=False, widths=(1,))
    folder = study / f"seed0/L{LENGTH}"
    original = (folder / "rival.npz").read_bytes()
    write_network(folder, worded(random_classifier(7), 2), "binary")
    try:
        after, made = judge("binary", route=False, widths=(1,))
    finally:
        (folder / "rival.npz").write_bytes(original)
    assert made == [f"binary-n{BITS}-L{LENGTH}-W1-N1"]
    assert after["rows"][0]["by_seed"][0] != before["rows"][0]["by_seed"][0]
    assert after["rows"][0]["by_seed"][1] == before["rows"][0]["by_seed"][1]


def test_without_routing_all_is_at_one_clock(judge):
    result, made = judge("stochastic,binary", route=False, clock_mhz=50.0)
    assert not any(name.endswith("routed") for name in made)
    assert {row["clock_mhz"] for row in result["rows"]} == {50}
    assert result["tag"].startswith("post-synthesis")


def test_fewer_lanes_than_the_network_was_exported_for(judge):
    """Other wires, which cost the same."""
    result, made = judge("stochastic", lanes=(2,), widths=(1,), route=False)
    assert made == ["stochastic-n5-L32-W1-N2", "stochastic-anytime-W1-N2"]
    assert {row["lanes"] for row in result["rows"]} == {2}


def test_what_does_not_fit_is_left_out(judge):
    result, _ = judge("binary", widths=(1, 4))
    assert [tried["width"] for tried in result["rows"][0]["tried"]] == [1]
    with pytest.raises(BitrainError, match=r"integers in LUTs, n = \d+: does not fit"):
        judge("binary", widths=(4,))


def test_what_cannot_be_better_is_not_synthesised(judge):
    """A neuron of 16 inputs has one chunk in 16 lanes; in 32 it only takes longer to load."""
    _, made = judge("bitserial", lanes=(16, 32), widths=(1,), route=False)
    assert made == ["bitserial-n5-L32-W1-N16", "bitserial-anytime-W1-N16"]


@pytest.mark.tools
@pytest.mark.slow
def test_in_standard_cells(judge, tmp_path):
    """Energy of exits: that of each run, by the share of images that take it."""
    library = read_library(small_library(tmp_path))
    options = {"route": False, "library": library, "images": 2, "widths": (1,)}
    result, _ = judge("stochastic,dsp,bitserial", **options)
    rows = {row["title"]: row for row in result["rows"]}
    for kind, short in (("streams", f"n = {BITS}, L = 8"), ("bit-serial integers", "n = 3")):
        exits, full = (
            rows[f"{kind}, exits"],
            f"n = {BITS}" + f", L = {LENGTH}" * (kind == "streams"),
        )
        parts = [rows[f"{kind}, {run}, one set of weights"] for run in (short, full)]
        energies = [part["energy_per_image"] for part in parts]
        assert energies[0] < energies[1]
        assert energies[0] < exits["energy_per_image"] < sum(energies)
        assert exits["area"] == parts[0]["area"] > 0
    assert "area" not in rows[f"integers in DSP blocks, n = {BITS}"]
    assert verdict_cells_table(result).row_count == 10 + 2 * len(TOLERANCES)


def test_words_follow_from_the_numbers():
    def row(family: str, accuracy: float, rate: float) -> dict[str, Any]:
        return {
            "family": family,
            "title": f"{family} title",
            "accuracy": accuracy,
            "images_per_s_per_klut": rate,
        }

    ratio = {"family": "stochastic", "rival": "binary", "accuracy": 99.4, "ratio": 1.5}
    lines = words(
        {
            "least": 99.3,
            "rows": [
                row("stochastic", 99.4, 1500.4),
                row("stochastic", 99.0, 3000),
                row("binary", 99.4, 1000),
                row("bitserial", 99.2, 7),
            ],
            "ratios": [ratio | {"interval": [1.2, 1.7]}, ratio | {"interval": []}],
        }
    )
    assert lines[0] == (
        "streams: at 99.30 % or more the fastest for its LUTs is stochastic title with 1,500 "
        "images/s per 1,000 LUT4 at 99.40 %"
    )
    assert lines[2] == ("bit-serial integers: none reaches 99.30 % (best bitserial title, 99.20 %)")
    assert lines[3] == (
        "streams against integers in LUTs: at most 1.50 times as many images/s per 1,000 LUT4 at "
        "equal accuracy, at 99.40 % (95 % of draws of the images: 1.20 … 1.70)"
    )
    assert lines[4].endswith("at equal accuracy, at 99.40 %")


def test_wrong_options():
    assert parse_families("dsp,or,dsp") == ["dsp", "or"]
    assert parse_widths("4,1") == [4, 1]
    with pytest.raises(BitrainError, match="--arithmetics ternary: expected some of stochastic"):
        parse_families("ternary")
    with pytest.raises(BitrainError, match=r"--widths 1,3: '3', expected some of 1, 2, 4, 8"):
        parse_widths("1,3")
    assert parse_lanes("16,32") == [16, 32]
    for text in ("0", "16,", "257"):
        with pytest.raises(BitrainError, match=f"--lanes {text}: expected numbers of 1 … 256"):
            parse_lanes(text)
