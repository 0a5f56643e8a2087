"""A small study to explore, and a quick search of it."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from bitrain.explore.explore import Plan, accelerators_of, competitors, explore
from bitrain.explore.search import Goal
from bitrain.explore.space import Space
from bitrain.studies.contenders import TITLES

DEVICE = "ecp5-25k"


@pytest.fixture(scope="session")
def space(tmp_path_factory, study, study_images) -> Space:
    """Streams, integers and bit-serial integers, in 48 designs."""
    found = competitors([study], list(TITLES))
    out = tmp_path_factory.mktemp("judged")
    made = accelerators_of(found, study_images, out, Console(quiet=True))
    return Space(
        accelerators=made, channels=(1, 2, 4), positions=(1, 4), lanes=(4, 8), widths=(1, 2)
    )


@pytest.fixture
def look(space, tmp_path) -> Callable[..., dict[str, Any]]:
    """A search; what it prints is in ``tmp_path/printed``."""

    def call(
        *,
        out: str = "out",
        objective: str = "images/s",
        least_accuracy: float = 0,
        most_lut: int | None = None,
        within: Sequence[tuple[str, Any]] = (),
        **plan: Any,
    ) -> dict[str, Any]:
        goal = Goal(objective=objective, least_accuracy=least_accuracy, most_lut=most_lut)
        lines = io.StringIO()
        found = explore(
            replace(space, **dict(within)),
            goal,
            replace(Plan(device=DEVICE), **plan),
            tmp_path / out,
            Console(file=lines, width=200),
        )
        (tmp_path / "printed").write_text(lines.getvalue())
        return found

    return call
