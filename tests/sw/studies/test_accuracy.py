"""Accuracy over lengths and seeds, and the ablation: on the digits, on a small scale."""

import json
from statistics import median

import pytest
from epochs import watched_epochs
from rich.console import Console

from bitrain.flow.config import RunConfig
from bitrain.spec import load_network
from bitrain.studies.ablation import run_ablation
from bitrain.studies.accuracy import run_study

CONFIG = RunConfig.model_validate(
    {
        "name": "tiny",
        "train": {"epochs": 2},
        "finetune": {"epochs": 1},
        "sc": {"bits": 3, "lanes": 4},
        "lengths": [4, 8],
    }
)


@pytest.fixture
def console(tmp_path):
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        yield Console(file=log, width=200)


@pytest.mark.slow
def test_study(tmp_path, console):
    out = tmp_path / "out"
    with watched_epochs() as epochs:
        study = run_study(CONFIG, out, [0, 1, 2], console)
    # A float network for each seed, trained once; two kinds of arithmetic for each length.
    assert len(epochs) == 3 * (CONFIG.train.epochs + 2 * 2 * CONFIG.finetune.epochs)
    assert study == json.loads((out / "accuracy.json").read_text())
    assert (out / "accuracy.svg").read_text().startswith("<svg")
    assert len(set(study["float_by_seed"])) > 1, "seeds must matter"
    assert study["float"] == median(study["float_by_seed"])
    assert [row["stream_length"] for row in study["by_length"]] == [4, 8]
    for row in study["by_length"]:
        found = study["by_seed"][str(row["stream_length"])]
        assert row["sc_fine_tuned"] == median(seed["sc_fine_tuned"] for seed in found)
        network = load_network(out / f"seed1/L{row['stream_length']}/network.npz")
        assert {layer.stream_length for layer in network.layers} == {row["stream_length"]}
        assert network.metadata["recipe"]["train"]["seed"] == 1
    # Finished steps are kept, and the result is the same.
    steps = out / "seed0/L4/steps/finetune.json"
    before = steps.stat().st_mtime_ns
    assert run_study(CONFIG, out, [0, 1, 2], console) == study
    assert steps.stat().st_mtime_ns == before


@pytest.mark.slow
def test_several_lengths_together(tmp_path, console):
    """Beside those that are trained alone, with exits, in both arithmetics."""
    config = RunConfig.model_validate(
        CONFIG.model_dump(exclude_unset=True)
        | {
            "sc": {"bits": 4, "lanes": 4, "lengths": [4, 8, 16]},
            "finetune": {"epochs": 1, "prefix_weights": [1, 2, 3]},
            "exit": {"tolerance": 1, "held_out": 100},
        }
    )
    study = run_study(config, tmp_path / "out", [0, 1], console)
    anytime = study["anytime"]
    for kind in ("streams", "integers"):
        seeds = [seed[kind] for seed in anytime["by_seed"]]
        found = anytime[kind]
        assert list(found["by_prefix"]) == ["4", "8", "16"]
        assert found["by_prefix"]["8"] == median(seed["by_prefix"]["8"] for seed in seeds)
        assert found["mean_cycles"] == median(seed["anytime"]["mean_cycles"] for seed in seeds)
    assert (tmp_path / "out/anytime.svg").read_text().startswith("<svg")
    network = load_network(tmp_path / "out/seed0/anytime/network.npz")
    assert [layer.stream_length for layer in network.layers] == [16] * len(network.layers)
    assert load_network(tmp_path / "out/seed0/L8/network.npz").exits == ()


@pytest.mark.slow
def test_ablation(tmp_path, console):
    result = run_ablation(CONFIG, tmp_path, finetune=False, console=console)
    assert result == json.loads((tmp_path / "ablation.json").read_text())
    assert (tmp_path / "ablation.svg").read_text().startswith("<svg")
    rows = result["rows"]
    assert len(rows) == 2 * 2 * 2 * (5 * 2 + 1)
    keys = ("normalise", "upscale", "stream_length", "sequences", "wiring")
    assert len({tuple(row[key] for key in keys) for row in rows}) == len(rows)

    def mean(**wanted):
        found = [r["accuracy"] for r in rows if all(r[k] == v for k, v in wanted.items())]
        return sum(found) / len(found)

    assert mean(normalise=True) > mean(normalise=False) + 5
    assert mean(sequences="integer") > mean(sequences="LFSR × LFSR")

    result = run_ablation(
        CONFIG, tmp_path, seeds=[0, 1, 2], finetune=False, scaling=False, console=console
    )
    assert len(result["rows"]) == 2 * (5 * 2 + 1) and result["seeds"] == [0, 1, 2]
    for row in result["rows"]:
        assert row["accuracy"] == median(row["accuracies"])
        (alone,) = (r for r in rows if all(r[key] == row[key] for key in keys))
        assert row["accuracies"][0] == alone["accuracy"]

    trained_longer = CONFIG.model_copy(
        update={"train": CONFIG.train.model_copy(update={"epochs": 3}), "lengths": (4,)}
    )
    run_ablation(trained_longer, tmp_path, finetune=False, scaling=False, console=console)
    (kept,) = tmp_path.glob("superseded/*/ablation.json")
    assert json.loads(kept.read_text()) == result, "what is replaced is kept"
