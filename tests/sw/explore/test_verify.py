"""Verified designs: what the tools say stands beside what was estimated, and is kept."""

import json
import re
from types import SimpleNamespace

import pytest

from bitrain.explore import verify as module
from bitrain.gen.families.resources import Resources
from bitrain.spec import BitrainError


@pytest.fixture
def refused() -> set[int]:
    """Which of the syntheses, from 1, fail."""
    return set()


@pytest.fixture
def synthesised(monkeypatch, refused) -> list[str]:
    """Accelerators that a stand-in for the tools was asked for."""
    found: list[str] = []

    def synthesise(folder, device):
        found.append(folder.name)
        if len(found) in refused:
            raise BitrainError("needs bram 99 of 56")
        return SimpleNamespace(
            resources=Resources(lut=1000 + len(found), ff=900, bram=5), fmax_mhz=123.0, tools={}
        )

    monkeypatch.setattr(module, "generate_ip", lambda *_, **__: None)
    monkeypatch.setattr(module, "synthesise", synthesise)
    return found


def test_the_best_are_measured(look, synthesised, tmp_path):
    found = look(verify=2)
    first, second, third = found["best"][:3]
    assert len(set(synthesised)) == 2 and "measured" not in third
    for row in first, second:
        measured = row["measured"]
        assert measured["clock_mhz"] == 123 and measured["ff"] == 900
        assert measured["images_per_s"] == pytest.approx(123e6 / row["cycles"])
        cycles = row["latency_ms"] * row["clock_mhz"]
        assert measured["latency_ms"] == pytest.approx(cycles / 123)
        per_lut = 1e3 * measured["images_per_s"] / measured["routed_lut"]
        assert measured["images_per_s_per_klut"] == pytest.approx(per_lut)
    assert "post-route" in found["tag"]
    # Each way to run a measured design has its own speed at the measured clock.
    page = (tmp_path / "out/explore.html").read_text()
    (text,) = re.findall(r"^const data = (.*);$", page, re.M)
    data = json.loads(text)
    shown = [each for each in data["rows"] if "measured" in each]
    assert {each["design"] for each in shown} == {first["design"], second["design"]}
    for each in shown:
        speed = each["measured"]["images_per_s"]
        assert speed == pytest.approx(123e6 / each["cycles"])
    again = look(verify=2)
    assert again == found and len(synthesised) == 2  # kept


def test_a_design_that_does_not_fit_after_all_is_left_out(look, synthesised, refused, tmp_path):
    """The next one is measured in its place."""
    estimated = look()
    refused |= {1, 3}
    found = look(verify=2)
    assert "left out: needs bram 99 of 56" in (tmp_path / "printed").read_text()
    first, second, third, fourth = (row["design"] for row in estimated["best"][:4])
    assert found["refused"] == dict.fromkeys([first, third], "needs bram 99 of 56")
    assert [row["design"] for row in found["best"][:2]] == [second, fourth]
    assert all("measured" in row for row in found["best"][:2])
    for part in ("best", "front", "smaller"):
        assert not {row["design"] for row in found[part]} & {first, third}
    page = (tmp_path / "out/explore.html").read_text()
    assert json.dumps(first) not in page and json.dumps(second) in page


def test_no_design_fits_after_all(look, synthesised, refused):
    refused |= set(range(1, 9))
    few = [("channels", (1,)), ("positions", (1,)), ("widths", (1,)), ("lanes", (4,))]
    with pytest.raises(BitrainError, match="--verify 1: none of the designs fits and routes"):
        look(verify=1, within=few)


def test_estimates_are_written_before_the_tools_run(look, monkeypatch, tmp_path):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "generate_ip", stopped)
    with pytest.raises(KeyboardInterrupt):
        look(verify=1)
    for name in ("explore.json", "explore.csv", "explore.html"):
        assert (tmp_path / "out" / name).is_file()


@pytest.mark.tools
@pytest.mark.slow
def test_a_real_one(look):
    (row, *_) = look(verify=1, most_lut=1600)["best"]
    measured = row["measured"]
    assert measured["bram"] == row["bram"] and measured["dsp"] == row["dsp"]
    assert measured["routed_lut"] == pytest.approx(row["routed_lut"], rel=0.3)
    assert measured["clock_mhz"] > 20
