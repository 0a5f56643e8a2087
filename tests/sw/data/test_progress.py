"""The bar is shown on a terminal only, and only if it takes long."""

import io

import pytest
from rich.console import Console

from bitrain.data import progress


@pytest.mark.parametrize(
    ("patience", "is_terminal", "is_shown"),
    [(-1, True, True), (-1, False, False), (1e9, True, False)],
)
def test_shown(monkeypatch, patience, is_terminal, is_shown) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda **_: Console(file=stream, force_terminal=is_terminal)
    )
    monkeypatch.setattr(progress, "PATIENCE", patience)
    with progress.SlowProgress("reading", 10) as bar:
        for done in range(10):
            bar.update(done)
    assert ("reading" in stream.getvalue()) == is_shown
    assert bool(stream.getvalue()) == is_shown
