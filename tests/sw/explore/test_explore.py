"""From networks to a table, a file and a page; and what is said where nothing is left."""

import csv
import json
import os
import shlex
import signal
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from studied import LENGTH

from bitrain.cli import main
from bitrain.explore.explore import competitors, unique_names
from bitrain.resources.model import ResourceEstimate
from bitrain.spec import BitrainError, load_network
from bitrain.studies.contenders import TITLES


def test_what_is_written(look, tmp_path):
    found = look()
    assert json.loads((tmp_path / "out/explore.json").read_text()) == found
    assert found["device"] == "ecp5-25k" and found["search"] == "all designs"
    assert found["tag"] == "estimated"
    assert found["designs"] >= found["built"] >= found["allowed"] > 100
    printed = (tmp_path / "printed").read_text()
    assert f"{found['designs']:,} designs: {found['built']:,} can be built" in printed
    with (tmp_path / "out/explore.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({(row["accelerator"], row["title"]) for row in rows}) == 4 + 2 * 9
    assert max(float(row["images_per_s"]) for row in rows) == found["best"][0]["images_per_s"]
    exits = next(row for row in rows if row["title"] == "streams, exits")
    assert exits["lengths"] == f"8 {LENGTH}" and exits["interface"] == "axi"
    assert exits["exits"] == "file" and exits["network"].endswith("anytime/network.npz")
    assert "<html" in (tmp_path / "out/explore.html").read_text()
    values = [row["images_per_s"] for row in found["best"]]
    assert values == sorted(values, reverse=True) and len(values) == 10


def test_the_command_generates_the_design(look, tmp_path, monkeypatch, capsys):
    found = look(within=[("interface", "axi")], data=["--data", "random"])
    row = next(row for row in found["best"] if row["width"] == 2)
    words = shlex.split(row["command"])
    words = [str(tmp_path / "ip") if word == "ip" else word for word in words]
    monkeypatch.setattr("sys.argv", [*words, "--images", "1"])
    with suppress(SystemExit):
        main()
    text = (tmp_path / "ip/config.yaml").read_text()
    for name in ("channels", "positions", "lanes", "width"):
        assert f"{name}: {row[name]}" in text
    assert "axi" in text


def test_the_same_again(look):
    first = look(out="first")
    assert look(out="first") == first


@pytest.mark.slow
def test_the_same_though_a_worker_is_killed(look, tmp_path):
    """One of two, when the first designs are known."""
    killed: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set() and not killed:
            if list((tmp_path / "second/designs").glob("*.jsonl")):
                for process in psutil.Process().children(recursive=True):
                    if "spawn_main" in " ".join(process.cmdline()):
                        os.kill(process.pid, signal.SIGKILL)
                        killed.append(process.pid)
                        break
            time.sleep(0.005)

    thread = threading.Thread(target=watch)
    thread.start()
    many = [("channels", tuple(range(1, 9))), ("positions", (1, 2, 3, 4))]
    found = look(out="second", workers=2, within=many)
    stop.set()
    thread.join()
    assert killed, "no worker was killed"
    assert found == look(out="first", within=many)


def test_what_is_asked_for(look):
    for objective, column in (
        ("latency", "latency_ms"),
        ("images/s-per-lut", "images_per_s_per_klut"),
    ):
        found = look(objective=objective)["best"]
        values = [row[column] for row in found]
        assert values == sorted(values, reverse=objective != "latency")
    found = look(most_lut=1600, least_accuracy=50)
    assert all(row["routed_lut"] <= 1600 and row["accuracy"] >= 50 for row in found["best"])


def test_nothing_is_left(look):
    with pytest.raises(
        BitrainError, match=r"--min-accuracy 100: the most accurate .* ask for less"
    ):
        look(least_accuracy=100)
    with pytest.raises(BitrainError, match=r"--max-lut 100: the smallest design, .* takes about"):
        look(most_lut=100)
    with pytest.raises(BitrainError, match="no design is left to search; W must divide P and N"):
        look(within=[("widths", (8,))])
    with pytest.raises(BitrainError, match=r"no design is left .* the first one: "):
        look(within=[("weights", "ram"), ("interface", "raw")])
    with pytest.raises(BitrainError, match=r"--trials 9: none of the \d designs .* give more"):
        look(within=[("weights", "ram"), ("interface", "raw")], trials=9)


def test_a_device_that_is_too_small(look, monkeypatch):
    monkeypatch.setattr(ResourceEstimate, "lacking", lambda *_: ["bram"])
    wanted = r"no design fits ecp5-25k: .* and bram are too few; give smaller -Q, or --weights"
    with pytest.raises(BitrainError, match=wanted):
        look()


def test_files_and_folders(study, tmp_path):
    alone = study / f"seed0/L{LENGTH}/network.npz"
    assert len(competitors([study], list(TITLES))) == 4 + 2 * 9
    assert [each.files for each in competitors([alone], ["stochastic"])] == [(alone,)]
    with pytest.raises(BitrainError, match=r"network\.npz: is not of the arithmetics binary; give"):
        competitors([alone], ["binary"])
    with pytest.raises(BitrainError, match=r"network\.npz: is given twice; give it once"):
        competitors([alone, alone], ["stochastic"])
    with pytest.raises(BitrainError, match="no such network file"):
        competitors([tmp_path / "missing.npz"], ["stochastic"])


def test_networks_of_one_name_are_told_apart(study, study_images, tmp_path, space):
    from rich.console import Console

    from bitrain.explore.explore import accelerators_of

    files = [study / f"seed{seed}/L{LENGTH}/network.npz" for seed in range(2)]
    made = accelerators_of(
        competitors(files, ["stochastic"]), study_images, tmp_path, Console(quiet=True)
    )
    assert [each.ways[0].title for each in made] == [
        f"seed{seed}/L{LENGTH}/network: streams, n = 5, L = {LENGTH}" for seed in range(2)
    ]
    assert len({each.name for each in made}) == 2
    assert [each.network.name for each in made] == [load_network(f).name for f in files]
    assert replace(space, accelerators=made).size == 2 * 24


def test_unique_names():
    paths = [Path("a/x.npz"), Path("b/x.npz"), Path("b/x.npz")]
    assert unique_names(paths) == {paths[0]: "a/x", paths[1]: "b/x"}
    assert unique_names(paths[:1]) == {paths[0]: "x"}
