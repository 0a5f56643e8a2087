"""The campaign of random networks: a seed says it all, and a fault is reported."""

import json

import campaign
import pytest
from simulators import require

from bitrain.cosim import simulate


def test_a_seed_stands_for_one_case():
    one, again, other = campaign.draw(3), campaign.draw(3), campaign.draw(4)
    assert one.summary() == again.summary() != other.summary()
    assert (one.images == again.images).all()


def test_cases_are_of_many_kinds():
    text = json.dumps([campaign.draw(number).summary() for number in range(12)])
    for part in (
        "conv2d",
        "linear",
        "stream",
        " g2",
        "max",
        " +",
        " |",
        " <",
        "unshared",
        "or2",
        "or4",
        "icarus",
        "verilator",
        "skip_zeros",
        "weight_stream",
    ):
        assert part in text, part


@pytest.fixture
def arguments(tmp_path):
    """A seed which Icarus simulates."""
    require("icarus")
    return ["--seeds", "1", "--first", "5", "--out", str(tmp_path)]


@pytest.mark.tools
@pytest.mark.slow
def test_a_seed_that_passes(arguments, tmp_path, capsys):
    assert campaign.main(arguments) == 0
    assert "1 seeds" in capsys.readouterr().out
    (line,) = (tmp_path / "campaign.jsonl").read_text().splitlines()
    assert json.loads(line)["mismatches"] == 0
    assert not (tmp_path / "seed5").exists()


@pytest.mark.tools
@pytest.mark.slow
def test_a_seed_that_fails(arguments, monkeypatch, tmp_path, capsys):
    def simulate_with_a_wrong_rom(ip, **options):
        for biases in (ip / "rom").glob("*biases.mem"):  # one for each engine
            biases.write_text(biases.read_text().translate(str.maketrans("01", "10")))
        return simulate(ip, **options)

    monkeypatch.setattr(campaign, "simulate", simulate_with_a_wrong_rom)
    assert campaign.main(arguments) == 1
    assert "FAILED [5]" in capsys.readouterr().out
    assert (tmp_path / "seed5" / "ip" / "config.yaml").is_file()
