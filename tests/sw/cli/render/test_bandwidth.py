"""What is printed of weight streams: needs, and cycles at any bandwidth."""

import io
import re

import pytest
from networks import compiled, random_network
from rich.console import Console

from bitrain.cli.render.bandwidth import print_bandwidths
from bitrain.program import Array

ARRAY = Array(channels=2, positions=2, lanes=4)


def printed(bandwidth=None, **options) -> str:
    engines = compiled(random_network(0, lanes=4), ARRAY, **{"weights": "stream", **options})
    lines = io.StringIO()
    print_bandwidths(engines, 100, Console(file=lines, width=120), bandwidth=bandwidth)
    return lines.getvalue()


def cycles(text: str) -> int:
    (found,) = re.findall(r"([\d,]+) cycles from the last pixel", text)
    return int(found.replace(",", ""))


def test_nothing_where_weights_lie_inside():
    assert printed(weights="rom") == ""


def test_needs_of_each_layer():
    text = printed()
    assert "Weight stream at L = 16" in text and "linear" in text
    assert "at 64 bit a cycle (6.4 Gbit/s at 100 MHz), in beats of 64" in text


@pytest.mark.parametrize("bandwidth", [0.1, 1e-3, 1e-6])
def test_cycles_at_any_bandwidth(bandwidth):
    """Where the stream is slow, the image takes as long as the bits of its weights."""
    text, engines = (
        printed(bandwidth),
        compiled(random_network(0, lanes=4), ARRAY, weights="stream"),
    )
    (program,) = engines.programs
    bits = program.num_weight_words * program.weight_parts * program.weight_beat
    assert cycles(text) == pytest.approx(bits / (bandwidth * 1e3 / 100), rel=0.3)
    assert f"({bandwidth:.3g} Gbit/s" in text
    assert cycles(printed(bandwidth / 2 if bandwidth > 1e-6 else 0.5e-6)) == pytest.approx(
        2 * cycles(text), rel=0.2
    )


def test_each_engine_by_itself():
    text = printed(engines=2)
    assert "Weight stream of engine 1" in text and "engine 1 by itself: at 64 bit a cycle" in text
