"""`bitrain explore` as users call it: wrong uses get one line, and nothing is written."""

import pytest
from networks import random_network
from standard_cells import small_library
from studied import NETWORK, write_network

from bitrain.spec import save_network


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network of digits' shape, one of another shape, integers, and wrong files."""
    path = tmp_path_factory.mktemp("files")
    digits = random_network(0, in_shape=(1, 8, 8), classes=10)
    save_network(digits, path / "net.npz")
    save_network(random_network(1, in_shape=(3, 8, 8)), path / "colour.npz")
    write_network(path, NETWORK, "binary")
    (path / "broken.npz").write_bytes(b"PK")
    (path / "empty").mkdir()
    (path / "wrong.yaml").write_text("name: wrong\nlengthz: [4]\n")
    small_library(path)
    return path


@pytest.fixture
def here(folder, monkeypatch):
    """The folder, in which commands run."""
    monkeypatch.chdir(folder)
    return folder


WRONG = [
    # devices
    ("net.npz --device ecp9", "ecp9"),
    ("net.npz --device ice40-up5k", "--device ice40-up5k: there is no table of resources for"),
    # networks
    ("missing.npz", "no such network file"),
    ("broken.npz", "broken.npz: not a readable network file"),
    ("empty", "empty: no networks; expected the --out folder of `bitrain accuracy`"),
    ("wrong.yaml", "lengthz"),
    ("no_such_example", "no_such_example"),
    ("net.npz net.npz", "net.npz: is given twice"),
    ("rival.npz --arithmetics stochastic", "rival.npz: is not of the arithmetics stochastic"),
    ("net.npz --arithmetics stochastics", "--arithmetics stochastics: expected some of"),
    # data
    ("colour.npz --data digits", "images of shape (360, 1, 8, 8)"),
    ("net.npz --data mnist --data-dir nowhere", "nowhere"),
    ("net.npz", "does not say its data set"),
    # sizes
    ("net.npz -P 0", "--channels 0: expected numbers of 1 … 64"),
    ("net.npz -Q 1,x", "--positions 1,x: expected integers between commas"),
    ("net.npz -N 1000", "--lanes 1000: expected numbers of 1 …"),
    ("net.npz -W 3", "--widths 3: '3', expected some of 1, 2, 4, 8"),
    ("net.npz -E 0", "--engines 0: expected numbers of 1 … 64"),
    ("net.npz --data digits -P 1,3 -W 2", "W must divide P and N"),
    ("net.npz --data digits -N 3", "no design is left"),
    ("net.npz --data digits -E 2 --weights stream", "--engines 2: cycles of several engines"),
    # budgets
    ("net.npz --data digits -P 1 -Q 1 -W 1 --min-accuracy 100", "--min-accuracy 100: the most"),
    ("net.npz --data digits -P 1 -Q 1 -W 1 --max-lut 10", "--max-lut 10: the smallest design"),
    ("net.npz --data digits -P 64 -Q 64 -W 1 --device ecp5-25k", "no design fits ecp5-25k"),
    # options that others leave without effect, or that need others
    ("net.npz --objective array-energy", "array-energy: needs --liberty FILE"),
    ("net.npz --images 5", "--images has no effect without --liberty"),
    ("net.npz --seeds 0,1", "--seeds has no effect without a configuration"),
    ("net.npz --liberty nothing.lib", "nothing.lib"),
    ("net.npz --data digits -E 1,2 --liberty small.lib", "--engines 2: array energy is that of"),
    ("net.npz --data digits --weights ram --interface raw", "no design is left to search"),
    ("net.npz --data digits --scheduler nonsense", "--scheduler nonsense: no Dask scheduler"),
]


@pytest.mark.parametrize("arguments,message", WRONG, ids=[arguments for arguments, _ in WRONG])
def test_wrong_uses(fail, here, tmp_path, arguments, message):
    before = sorted(here.rglob("*"))
    assert message in fail("explore", *arguments.split(), "--out", tmp_path / "out")
    assert sorted(here.rglob("*")) == before
    assert not (tmp_path / "out/explore.json").exists()


@pytest.mark.parametrize(
    "option", [("--verify", -1), ("--workers", 0), ("--trials", 0), ("--objective", "speed")]
)
def test_wrong_values(usage, folder, tmp_path, option):
    assert option[0] in usage("explore", folder / "net.npz", "--out", tmp_path, *option)


def test_an_output_folder_that_is_a_file(fail, here, tmp_path):
    (tmp_path / "file").write_text("mine")
    line = fail("explore", "net.npz", "--data", "digits", "--out", tmp_path / "file")
    assert str(tmp_path / "file") in line and (tmp_path / "file").read_text() == "mine"


def test_sizes_of_networks_differ(fail, here, tmp_path):
    """Two networks of which one cannot read the other's images."""
    line = fail("explore", "net.npz", "colour.npz", "--data", "digits", "--out", tmp_path / "out")
    assert "colour.npz, data set 'digits': images of shape" in line


@pytest.mark.slow
def test_a_configuration_is_trained_first(folder, tmp_path, monkeypatch, capsys):
    import sys
    from contextlib import suppress

    from bitrain.cli import main

    (tmp_path / "quick.yaml").write_text(
        "name: quick\ndata: {name: digits}\ntrain: {epochs: 1}\nfinetune: {epochs: 1}\n"
        "sc: {bits: 4, lanes: 4}\nlengths: [4, 16]\n"
    )
    monkeypatch.chdir(tmp_path)
    words = "explore quick.yaml --out out -P 2 -Q 2 -N 4 -W 1 --device ecp5-25k"
    monkeypatch.setattr(sys, "argv", ["bitrain", *words.split()])
    with suppress(SystemExit):
        main()
    text = capsys.readouterr().out
    assert "L = 4" in text and "L = 16" in text and "bitrain generate out/networks/quick/" in text
    assert (tmp_path / "out/networks/quick/accuracy.json").is_file()
