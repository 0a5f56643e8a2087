"""The page, in a browser: points, filters, and what the chosen point is made of."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from bitrain.explore import page as module
from bitrain.spec import BitrainError

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


def test_a_name_may_not_end_the_script(look, space, tmp_path, monkeypatch):
    monkeypatch.setitem(module.TITLES, "stochastic", "</script><script>alert(1)</script>")
    look()
    text = (tmp_path / "out/explore.html").read_text()
    assert "<script>alert" not in text and "\\u003c/script" in text
    assert "http://" not in text.split("plotly")[0]  # it needs no other file


def test_without_plotly(look, tmp_path, monkeypatch):
    import builtins

    real = builtins.__import__

    def missing(name, *rest):
        if name.startswith("plotly"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(BitrainError, match="the page needs Plotly: pip install"):
        look()
    assert not (tmp_path / "out").exists()  # it is said before the search


@pytest.fixture
def opened(look, tmp_path) -> Any:
    """The page of a search in a browser, with all that it complained about."""
    if BROWSER is None:
        pytest.skip("no Chromium; apt-get install chromium")
    from playwright.sync_api import sync_playwright

    found, complaints, asked = look(), [], []
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.extend([line.text] * (line.type == "error")))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(Path(tmp_path / "out/explore.html").as_uri())
        page.wait_for_selector("#points .points path.point")
        yield page, found
        browser.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def count(page) -> int:
    return int(page.inner_text("#count").split(" of ")[0])


@pytest.mark.tools
def test_a_browser_shows_it(opened):
    page, found = opened
    best = found["best"][0]
    assert best["title"] in page.inner_text("#title")
    assert page.inner_text("#command") == best["command"]
    assert page.inner_text("#registers") == (
        best["registers"] and f"Registers: {best['registers']}."
    )
    assert f"{best['routed_lut']:,}" in page.inner_text("#numbers")
    whole = count(page)
    assert whole + 1 == page.locator("#points path.point").count() > 40  # and the chosen one's ring

    # Filters: an arithmetic, LUTs, accuracy.
    page.locator("#families input[data-family=binary]").uncheck()
    without = count(page)
    assert 0 < without < whole
    page.locator("#families input[data-family=binary]").check()
    page.fill("#most-lut", "1600")
    assert 0 < count(page) < whole
    page.fill("#most-lut", "")
    page.fill("#least-accuracy", "100.1")
    assert count(page) == 0
    page.fill("#least-accuracy", "")
    assert count(page) == whole

    # Another point: hover, then choose it.
    before = page.inner_text("#title"), page.inner_text("#numbers")
    point = page.locator("#points path.point").nth(whole - 1)  # the best are drawn first
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("#points .hoverlayer .hovertext")
    assert "images/s" in page.text_content("#points .hoverlayer")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function(
        "before => document.getElementById('numbers').innerText !== before", arg=before[1]
    )
    assert page.locator("#layers .bars path, #layers .barlayer path").count() >= 1
    assert page.locator("#blocks .barlayer path").count() > 5

    # Other axes.
    page.select_option("#x", "latency_ms")
    assert "latency" in page.text_content("#points .xtitle")
    page.select_option("#y", "routed_lut")
    assert page.text_content("#points .ytitle") == "LUTs"
