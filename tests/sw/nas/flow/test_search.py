"""A whole search: what is written, what is kept at the next call, what is refused."""

import json

import pytest
from epochs import no_epochs
from rich.console import Console
from tiny_search import CONFIG

from bitrain.cli.render.search import search_table
from bitrain.nas.calibrate import calibrate
from bitrain.nas.flow import search as flow_search
from bitrain.nas.flow.config import load_search
from bitrain.nas.flow.search import run_search
from bitrain.profile.cost import model_cost
from bitrain.spec import BitrainError, load_network


@pytest.fixture
def search(tmp_path):
    def run(text=CONFIG, **options):
        path = tmp_path / "my.yaml"
        path.write_text(text)
        return run_search(load_search(path), tmp_path / "out", Console(quiet=True), **options)

    return run


def test_a_whole_search(search, few, tmp_path):
    result = search()
    out = tmp_path / "out"
    assert json.loads((out / "search.json").read_text()) == result
    for name in ("search.svg", "search_front.svg"):
        assert (out / name).read_text().startswith("<svg ")
    assert result.keys() == {"name", "data", *flow_search.STEPS}
    assert [stage["stage"] for stage in result["fine"]] == [0, 1]
    assert result["derive"]["macs"] == result["retrain"]["macs"] < result["teacher"]["macs"]
    longer = "coarse, longer"
    assert result["baselines"].keys() == {"found", "coarse", "node-wise", "random 0", longer}
    assert len(result["baselines"][longer]["losses"]) == 4, "teacher, search, round 1, retraining"
    assert result["baselines"]["found"]["macs"] == result["derive"]["macs"]
    for row in result["baselines"].values():
        assert row["macs"] == pytest.approx(result["derive"]["macs"], rel=0.2)  # in whole channels
    assert search_table(result).row_count == 3 + 5
    network = load_network(out / "network.npz")
    assert network.name == "tiny" and network.metadata["data"] == "digits"
    assert result["export"]["cycles"] > 0 and result["export"]["stream_length"] == 4
    # A second call trains nothing.
    with no_epochs():
        assert search() == result
    # One set of weights for several lengths, of the same network.
    several = search(CONFIG.replace("stream_length: 4", "lengths: [4, 8]"))["export"]
    for name in ("sc", "integer"):
        assert list(several["by_prefix"][name]) == ["4", "8"]
        assert several["by_prefix"][name]["8"] == several[name]
    # Another search has stages of its own; what is before it is kept.
    before = (out / "steps" / "teacher.json").read_text()
    other = search(CONFIG.replace("share: 0.6", "share: 1.0"), until="fine")
    assert other.keys() == {"name", "data", "coarse", "teacher", "fine"}
    assert (out / "steps" / "teacher.json").read_text() == before
    assert other["fine"][0]["weights"] != result["fine"][0]["weights"]
    assert len(list((out / "stages").iterdir())) == 2


def test_rates_come_from_a_calibration(tmp_path):
    def timer(modules, batch_size):
        return {name: 1e-9 * model_cost(*part).macs + 1e-6 for name, part in modules.items()}

    found = calibrate(widths=(4, 8), sizes=(8,), timer=timer)
    (tmp_path / "rates.json").write_text(found.model_dump_json())
    path = tmp_path / "my.yaml"
    text = CONFIG.replace(
        "search: {", f"search: {{penalty: {{calibration: {tmp_path / 'rates.json'}}}, "
    )
    path.write_text(text)
    assert load_search(path).search.penalty.rates == found.rates
    path.write_text(text.replace("rates.json", "other.json"))
    with pytest.raises(BitrainError, match=r"other\.json: not a file of bitrain search calibrate"):
        load_search(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("genotype: residual", "genotype: darts_v2", "has 4 nodes a cell and the space 2"),
        ("genotype: residual", "genotype: nothing.json", "genotype nothing.json: not one of"),
        ("join: last", "join: concat", "use join: last"),
        ("conv_1x1, conv_3x3", "conv_1x1, conv_9x9", "line 8: space.operations: 'conv_9x9' is"),
        ("cells: [1, 1]", "cells: [1]", "2 widths for 1 numbers of cells"),
        ("genotype: residual", "coarse: {partial: 3}", "partial = 3 does not divide the width 4"),
        ("genotype: residual", "array: {lanes: 12}", "lanes = 12 is no multiple of sc.lanes = 16"),
    ],
)
def test_mistakes_are_found_before_training(search, old, new, message):
    with no_epochs(), pytest.raises(BitrainError, match=message):
        search(CONFIG.replace(old, new))


def test_an_unknown_step(search):
    with pytest.raises(BitrainError, match="there is no step 'thin'; choose from coarse, teacher"):
        search(until="thin")
