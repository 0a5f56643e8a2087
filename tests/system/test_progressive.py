"""``bitrain progressive`` on digits: tables printed, files written, wrong lengths refused."""

import sys

import pytest
from networks import random_network

from bitrain.cli import main
from bitrain.spec import save_network


@pytest.fixture
def call(monkeypatch, tmp_path):
    """Run the command on a random network; return its exit status."""
    path = tmp_path / "network.npz"
    save_network(random_network(0, lanes=4, in_shape=(1, 8, 8), classes=10), path)

    def run(*arguments):
        arguments = ["progressive", path, "--data", "digits", "-N", 4, "--images", 20, *arguments]
        monkeypatch.setattr(sys, "argv", ["bitrain", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_status:
            main()
        return exit_status.value.code

    return run


def test_table_and_files(call, capsys, tmp_path):
    assert call("--lengths", "4,8", "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert "Progressive precision, 20 test images" in printed
    assert "early termination" in printed
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "progressive.json",
        "progressive.svg",
    ]


@pytest.mark.parametrize("lengths", ["4,x", "", "4;8"])
def test_lengths_that_are_no_numbers(call, capsys, lengths):
    assert call("--lengths", lengths) == 2
    error = capsys.readouterr().err.strip()
    assert error == f"error: --lengths {lengths}: expected integers between commas"
