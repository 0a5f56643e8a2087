"""``bitrain sequences``: what it prints and writes, and that the network file stays."""

import sys

import pytest
from networks import random_network

from bitrain.cli import main
from bitrain.spec import load_network, save_network


@pytest.fixture
def network_file(tmp_path):
    path = tmp_path / "network.npz"
    network = random_network(0, lanes=4, in_shape=(1, 8, 8), classes=10)
    save_network(network.model_copy(update={"metadata": {"data": "digits"}}), path)
    return path


@pytest.fixture
def bitrain(monkeypatch, capsys):
    """Run ``bitrain sequences`` with arguments; return exit status, output and error."""

    def call(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bitrain", "sequences", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_status:
            main()
        status = exit_status.value.code
        assert isinstance(status, int)
        return status, *capsys.readouterr()

    return call


def test_report_and_new_file(bitrain, network_file):
    before = network_file.read_bytes()
    status, output, _ = bitrain(network_file, "--images", 50, "--budget", 20)
    assert status == 0
    for text in ("output steps", "(SCC)", "wirings", "50 training images: "):
        assert text in output
    assert network_file.read_bytes() == before
    written = network_file.with_name("network.sequences.npz")
    assert written.exists() == (f"wrote {written}" in output)
    assert written.exists() != ("nothing written" in output)
    if written.exists():
        assert load_network(written).layers == load_network(network_file).layers


def test_says_how_many_images_there_were(bitrain, network_file):
    status, output, _ = bitrain(network_file, "--images", 5000, "--budget", 1)
    assert status == 0
    assert " training images: " in output and "5000 training images" not in output


def test_does_not_replace_what_is_no_network(bitrain, network_file):
    other = network_file.with_name("mine.yaml")
    other.write_text("name: mine\n")
    status, _, error = bitrain(network_file, "--out", other)
    assert status == 2 and "exists and is no network file; name another file" in error
    assert other.read_text() == "name: mine\n"


def test_does_not_replace_the_network(bitrain, network_file):
    before = network_file.read_bytes()
    status, _, error = bitrain(network_file, "--out", network_file.parent / "." / "network.npz")
    assert status == 2
    assert "would replace the network; name another file" in error
    assert network_file.read_bytes() == before


def test_user_errors(bitrain, network_file, tmp_path):
    assert "no such network file" in bitrain(tmp_path / "nothing.npz")[2]
    assert "'mnits' is unknown" in bitrain(network_file, "--data", "mnits")[2]
    assert bitrain(network_file, "--budget", 0)[0] == 2
