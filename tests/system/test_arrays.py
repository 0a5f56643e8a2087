"""``bitrain arrays`` with the real tools, and what it refuses."""

import json
import sys

import pytest
from networks import random_network

from bitrain.cli import console, main
from bitrain.spec import save_network
from bitrain.studies import array_cost

pytestmark = [pytest.mark.tools, pytest.mark.slow]  # with the real tools


@pytest.fixture
def arrays(monkeypatch, capsys, tmp_path):
    """Run ``bitrain arrays`` on a small network; return status, output and result."""
    monkeypatch.setattr(console, "width", 200)
    save_network(random_network(0, bits=3, lanes=2), tmp_path / "network.npz")

    def call(*options):
        out = tmp_path / "out"
        arguments = ["arrays", tmp_path / "network.npz", "--out", out, *options]
        monkeypatch.setattr(sys, "argv", ["bitrain", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        path = out / "arrays.json"
        result = json.loads(path.read_text()) if path.exists() else None
        return stopped.value.code, printed.out + printed.err, result

    return call


def test_shared_sngs_cost_less(arrays, monkeypatch, tmp_path):
    status, printed, result = arrays("--sizes", "2x2x2", "--device", "ecp5-25k")
    assert not status, printed
    shared, unshared = result["rows"]
    assert (shared["sharing"], unshared["sharing"]) == ("shared", "unshared")
    assert 0 < shared["lut"] < unshared["lut"] and shared["ff"] < unshared["ff"]
    assert (shared["sngs"], unshared["sngs"]) == (8, 16)
    assert 0 < shared["sng_share"] < unshared["sng_share"] < 1
    assert shared["lut_per_lane"] == shared["lut"] / 8
    assert "2 x 2 x 2" in printed and "ecp5-25k, post-synthesis" in printed
    assert (tmp_path / "out" / "arrays.svg").read_text().startswith("<svg")

    def again(*_, **__):
        raise AssertionError("a size that is done was synthesised again")

    monkeypatch.setattr(array_cost, "synthesise_component", again)
    assert arrays("--sizes", "2x2x2", "--device", "ecp5-25k")[2] == result


def test_integers_take_dsp_blocks_where_they_are_asked_for(monkeypatch, capsys, tmp_path):
    """`bitrain compare-arithmetic` fails where synthesis uses others, or none."""
    save_network(random_network(0, bits=4, lanes=2, length=4), tmp_path / "network.npz")
    out = tmp_path / "out"
    options = ("--out", out, "--neurons", "1x2", "--clock", "40", "--device", "ecp5-25k")
    options += ("--arithmetics", "stochastic,binary,dsp,bitserial")
    arguments = ["compare-arithmetic", tmp_path / "network.npz", *options]
    monkeypatch.setattr(sys, "argv", ["bitrain", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    printed = capsys.readouterr()
    assert not stopped.value.code, printed.out + printed.err
    rows = json.loads((out / "arithmetic.json").read_text())["rows"]
    found = {row["arithmetic"]: row for row in rows}
    assert list(found) == ["stochastic", "binary", "dsp", "bitserial"]
    assert [row["dsp"] for row in rows] == [0, 0, 2, 0]
    assert found["binary"]["lut"] > 2 * 16  # two products of 4 x 4 bits
    assert found["dsp"]["lut"] < found["binary"]["lut"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--sizes", "2x2"), "--sizes 2x2: expected P x Q x N such as 2x2x16,4x4x16"),
        (("--sizes", "0x2x2"), "--sizes 0x2x2: expected P and Q of 1 … 64, N of 1 … 256"),
        (("--sizes", "1x1x3"), "lanes = 3 is no multiple of the 2 lanes"),
        (("--device", "cpu"), "cpu"),
    ],
)
def test_refused(arrays, options, message):
    status, printed, result = arrays(*options)
    assert status == 2 and message in " ".join(printed.split()) and result is None
