"""A whole search: what is written, what is kept at the next call, what is refused."""

import json
from dataclasses import replace

import pytest
from epochs import no_epochs
from rich.console import Console
from tiny_search import SPACE

from bitrain.cli.render.search import comparison_table, search_ablation_table, search_table
from bitrain.nas import calibrate
from bitrain.nas.flow import ablation, steps
from bitrain.nas.flow import search as flow_search
from bitrain.nas.flow.ablation import run_search_ablation
from bitrain.nas.flow.comparison import run_comparison
from bitrain.nas.flow.config import load_search
from bitrain.nas.flow.search import run_search
from bitrain.profile import model_cost
from bitrain.spec import BitrainError, load_network

CONFIG = f"""\
{SPACE}teacher: {{epochs: 1, batch_size: 32}}
search: {{epochs: 1, batch_size: 32}}
retrain: {{epochs: 1, batch_size: 32}}
random_networks: 1
sc: {{bits: 3, stream_length: 4, calibration_images: 40}}
finetune: {{epochs: 1}}
"""


@pytest.fixture(autouse=True)
def few(digits, monkeypatch):
    found = replace(
        digits,
        **{
            name: getattr(digits, name)[:60]
            for name in ("train_images", "train_labels", "test_images", "test_labels")
        },
    )
    for module in (flow_search, ablation, steps):
        monkeypatch.setattr(module, "load_dataset", lambda name, directory: found)
    return found


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
    # Another search has stages of its own; what is before it is kept.
    before = (out / "steps" / "teacher.json").read_text()
    other = search(CONFIG.replace("share: 0.6", "share: 1.0"), until="fine")
    assert other.keys() == {"name", "data", "coarse", "teacher", "fine"}
    assert (out / "steps" / "teacher.json").read_text() == before
    assert other["fine"][0]["weights"] != result["fine"][0]["weights"]
    assert len(list((out / "stages").iterdir())) == 2


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(CONFIG.replace("random_networks: 1", "random_networks: 2"))
    return load_search(path)


def test_a_comparison_over_seeds(config, few, tmp_path):
    result = run_comparison(config, tmp_path, [0, 1], Console(quiet=True))
    assert json.loads((tmp_path / "comparison.json").read_text()) == result
    assert result["networks"].keys() == {
        *("found", "coarse", "node-wise", "random, median", "coarse, longer")
    }
    searches = [json.loads((tmp_path / f"seed{i}" / "search.json").read_text()) for i in (0, 1)]
    for index, search in enumerate(searches):
        rows = {name: own[index] for name, own in result["networks"].items()}
        assert rows["found"]["inherited"] == search["retrain"]["accuracy"]
        assert rows["coarse"]["inherited"] is None, "its widths are scaled"
        drawn = [search["baselines"][f"random {i}"]["accuracy"] for i in (0, 1)]
        assert rows["random, median"]["accuracy"] == sum(drawn) / 2
        assert list(result["random"][index]) == ["random 0", "random 1"]
    assert searches[0]["teacher"]["losses"] != searches[1]["teacher"]["losses"]
    assert comparison_table(result).row_count == 5
    with no_epochs():
        assert run_comparison(config, tmp_path, [0, 1], Console(quiet=True)) == result


def test_an_ablation(config, few, tmp_path, monkeypatch):
    monkeypatch.setattr(ablation, "REPEATS", 2)
    result = run_search_ablation(config, tmp_path, Console(quiet=True))
    assert json.loads((tmp_path / "ablation.json").read_text()) == result
    rows = result["variants"]
    assert rows.keys() == ablation.variants(config).keys() and len(rows) == 7
    macs = rows["one point"]["macs"]
    for row in rows.values():
        assert row["macs"] == pytest.approx(
            macs, rel=0.35
        )  # in whole channels, of which it has few
        assert 0 < row["inherited"] <= 100 and row["cpu_seconds"] > 0
        assert all(row["latency"][size]["seconds"] > 0 for size in ("1", "64"))
    assert rows["one point"]["peak_memory"] < 0.8 * rows["end to end"]["peak_memory"]
    cells = json.loads((tmp_path / "end-to-end" / "steps" / "timed.json").read_text())
    assert [len(stage["cells"]) for stage in cells["result"]["stages"]] == [1, 1]
    assert search_ablation_table(result).row_count == 7
    with no_epochs():
        assert run_search_ablation(config, tmp_path, Console(quiet=True)) == result
        one = run_search_ablation(config, tmp_path, Console(quiet=True), only=["one point"])
    assert [*one["variants"]] == ["one point"]
    with pytest.raises(BitrainError, match="'no points': expected one of 'two points, successor'"):
        run_search_ablation(config, tmp_path, Console(quiet=True), only=["no points"])


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
