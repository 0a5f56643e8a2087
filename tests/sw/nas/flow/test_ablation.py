"""What the choices of the search are worth."""

import json

import pytest
from epochs import no_epochs
from rich.console import Console

from bitrain.cli.render.search import search_ablation_table
from bitrain.nas.flow import ablation
from bitrain.nas.flow.ablation import run_search_ablation
from bitrain.spec import BitrainError


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


def test_every_variant_changes_one_thing(config):
    rows = ablation.variants(config)
    base = config.search
    assert rows["one point"].search == base.model_copy(update={"matching": "output"})
    assert rows["end to end"].search == base.model_copy(update={"together": True})
    assert rows["nothing left out"].search == base.model_copy(update={"drop": 0.0})
    strength = config.prune.model_copy(update={"importance": "strength"})
    assert rows["importance by strength"] == config.model_copy(update={"prune": strength})
    penalty = rows["penalty for MACs alone"].search.penalty
    assert penalty.macs == base.penalty.macs + base.penalty.memory_access
    assert penalty.memory_access == 0 and penalty.rates is None
