"""The table of pooled neurons: what errs, and by how much."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from bitrain.cli.render.studies import pooled_table
from bitrain.gen.families.resources import Resources
from bitrain.nn import ScConfig
from bitrain.studies import pooled_neurons
from bitrain.studies.pooled_neurons import LFSR, exact, measure_pooled_neurons, random_increments


@pytest.mark.parametrize(
    "config", [ScConfig(bits=pooled_neurons.BITS), LFSR], ids=["default", "lfsr"]
)
def test_what_fires_errs_upwards_and_little(config):
    increments = random_increments(config)
    wanted = exact(increments)
    errors = {v.name: v.activations(increments) - wanted for v in pooled_neurons.variants()}
    counters, fused, *saturating, literature = errors.values()
    assert not counters.any()
    assert fused.min() >= 0 and 0 < fused.mean() < 0.05
    assert all((error >= fused).all() for error in saturating)
    assert np.abs(literature).mean() > 10 * fused.mean()


def test_a_row_for_each_circuit(tmp_path, monkeypatch):
    def synthesise(circuit, device, folder, name):
        return SimpleNamespace(resources=Resources(lut=10, ff=len(folder.name)))

    monkeypatch.setattr(pooled_neurons, "synthesise_component", synthesise)
    rows = measure_pooled_neurons(tmp_path, "ecp5-25k")
    assert [row["circuit"] for row in rows] == [v.name for v in pooled_neurons.variants()]
    assert json.loads((tmp_path / "pooled_neurons.json").read_text()) == rows
    assert rows[0]["errors"]["lfsr"] == {"mean": 0, "rms": 0, "wrong": 0}
    columns = [list(column.cells) for column in pooled_table(rows, 4).columns]
    assert columns[1] == ["2.5"] * len(rows) and columns[3][:2] == ["0.0%", "0.6%"]
