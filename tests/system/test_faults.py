"""``bitrain faults`` on digits: table, words and files; one line for a wrong option."""

import sys

import pytest
from networks import random_network, streamed

from bitrain.cli import main
from bitrain.spec import save_network


@pytest.fixture
def call(monkeypatch, tmp_path):
    """Run the command on a random network; return its exit status."""
    network = random_network(0, lanes=4, in_shape=(1, 8, 8), classes=10)
    save_network(network, tmp_path / "network.npz")
    save_network(streamed(network), tmp_path / "streamed.npz")

    def run(*arguments, network="network.npz"):
        options = ["--data", "digits", "-N", 4, "--images", 8, "--out", tmp_path / "out"]
        arguments = ["faults", tmp_path / network, *options, *arguments]
        monkeypatch.setattr(sys, "argv", ["bitrain", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_status:
            main()
        return exit_status.value.code

    return run


def test_table_words_and_files(call, capsys, tmp_path):
    assert call("--rates", "1e-4,0.1", "--seeds", 2) == 0
    printed = capsys.readouterr().out
    assert "Accuracy (%) by rate of bit flips, 8 test images" in printed
    assert "Weight memory: streams tolerate" in printed and "selected bits" in printed
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"faults.json", "faults.svg", "steps", ".lock"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rates", "often"], "--rates often: expected numbers between commas"),
        (["--rates", "2"], "--rates 2: expected rising probabilities above 0 and up to 1"),
        (["--sites", "bias"], "--sites bias: expected some of streams,sources,weights"),
        (["--arithmetics", ""], "--arithmetics : expected some of stochastic,binary,bitserial"),
        (["--seeds", "0"], "--seeds 0: expected how many, from 1"),
        (["--images", "100000"], "--images 100000: expected 1 … 360, the test images there are"),
    ],
)
def test_wrong_options(call, capsys, arguments, message):
    assert call(*arguments) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"error: {message}") and "\n" not in error


def test_stream_mode_is_refused(call, capsys):
    assert call(network="streamed.npz") == 2
    assert "is in stream mode, whose faults are not defined" in capsys.readouterr().err
