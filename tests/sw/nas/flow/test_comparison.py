"""A search from several seeds, and its rivals in each."""

import json

from epochs import no_epochs
from rich.console import Console

from bitrain.cli.render.search import comparison_table
from bitrain.nas.flow import comparison
from bitrain.nas.flow.comparison import run_comparison


def test_a_comparison_over_seeds(config, few, tmp_path):
    """Without random networks, which ``test_a_whole_search`` has."""
    result = run_comparison(config, tmp_path, [0, 1], Console(quiet=True))
    assert json.loads((tmp_path / "comparison.json").read_text()) == result
    assert result["networks"].keys() == {"found", "coarse", "node-wise", "coarse, longer"}
    searches = [json.loads((tmp_path / f"seed{i}" / "search.json").read_text()) for i in (0, 1)]
    for index, search in enumerate(searches):
        rows = {name: own[index] for name, own in result["networks"].items()}
        assert rows["found"]["inherited"] == search["retrain"]["accuracy"]
        assert rows["coarse"]["inherited"] is None, "its widths are scaled"
    assert searches[0]["teacher"]["losses"] != searches[1]["teacher"]["losses"]
    assert comparison_table(result).row_count == 4
    with no_epochs():
        assert run_comparison(config, tmp_path, [0, 1], Console(quiet=True)) == result


def result(seed: int, *random: float) -> dict:
    """Of a search whose found network is at 90 + seed, and random ones at these."""

    def row(accuracy: float, inherited: float | None = None) -> dict:
        costs = {"accuracy": accuracy, "macs": 10, "memory_access": 20}
        return {**costs, "inherited": inherited, "losses": [1.0]}

    drawn = {f"random {i}": row(accuracy, accuracy - 1) for i, accuracy in enumerate(random)}
    return {
        "data": "spots",
        "teacher": row(95.0),
        "derive": {"cells": [seed]},
        "baselines": {"found": row(90.0 + seed, 89.0), "coarse": row(80.0), **drawn},
    }


def test_the_median_of_random_networks_in_each_seed(config, tmp_path, monkeypatch):
    """Every training has the seed, and each search a folder of its own."""
    asked = []

    def search(given, directory, console, until):
        assert until == "baselines"
        parts = (given.coarse, given.teacher, given.search, given.retrain)
        asked.append((directory.name, {part.seed for part in parts}))
        return result(given.search.seed, 70.0, 74.0, 99.0)

    monkeypatch.setattr(comparison, "run_search", search)
    found = run_comparison(config, tmp_path, [3, 5], Console(quiet=True))
    assert asked == [("seed3", {3}), ("seed5", {5})]
    assert [row["accuracy"] for row in found["networks"]["found"]] == [93, 95]
    medians = found["networks"]["random, median"]
    assert medians == [{"accuracy": 74, "inherited": 73, "macs": 10, "memory_access": 20}] * 2
    assert [row["inherited"] for row in found["networks"]["coarse"]] == [None, None]
    assert found["random"][0].keys() == {"random 0", "random 1", "random 2"}
    assert found["cells"] == [[3], [5]] and found["seeds"] == [3, 5]


def test_without_random_networks_there_is_no_median(config, tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "run_search", lambda *_, **__: result(0))
    found = run_comparison(config, tmp_path, [0], Console(quiet=True))
    assert found["networks"].keys() == {"found", "coarse"} and found["random"] == [{}]
