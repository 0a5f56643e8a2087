"""Verified designs: what the tools say stands beside what was estimated, and is kept."""

import json
import re
from types import SimpleNamespace

import pytest

from bitrain.explore import verify as module
from bitrain.gen.families.resources import Resources
from bitrain.spec import BitrainError


@pytest.fixture
def synthesised(monkeypatch) -> list[str]:
    """Accelerators that a stand-in for the tools was asked for."""
    found: list[str] = []

    def synthesise(folder, device):
        found.append(folder.name)
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


def test_a_design_that_does_not_fit_after_all_is_said_to(look, synthesised, monkeypatch, tmp_path):
    def too_large(folder, device):
        raise BitrainError("needs bram 99 of 56")

    monkeypatch.setattr(module, "synthesise", too_large)
    found = look(verify=1)
    assert found["best"][0]["problem"] == "needs bram 99 of 56"
    assert "left out: needs bram 99 of 56" in (tmp_path / "printed").read_text()


@pytest.mark.tools
@pytest.mark.slow
def test_a_real_one(look):
    (row, *_) = look(verify=1, most_lut=1600)["best"]
    measured = row["measured"]
    assert measured["bram"] == row["bram"] and measured["dsp"] == row["dsp"]
    assert measured["routed_lut"] == pytest.approx(row["routed_lut"], rel=0.3)
    assert measured["clock_mhz"] > 20
