"""Plots are whole, say what they show, and are the same at each call."""

from xml.etree import ElementTree

import numpy as np
import pytest

from bitrain.runner import plots

IMAGE = np.random.default_rng(0).random((1, 4, 4))
ROWS = [
    {"normalise": n, "upscale": u, "sequences": "Sobol", "wiring": "", "stream_length": length}
    | {"accuracy": 90 + length / 10}
    for n in (True, False)
    for u in (True, False)
    for length in (4, 16)
]
ARRAYS = [
    {"channels": p, "positions": p, "lanes": 16, "sharing": s, "lut_per_lane": 5, "sng_share": 0.3}
    for p in (2, 4)
    for s in ("shared", "unshared")
]
FAULTS = {
    "without_faults": {"x": 99, "y": 98, "z": 97},
    "rows": [
        {"arithmetic": arithmetic, "site": site, "rate": rate, "median": 90, "low": 80, "high": 95}
        for arithmetic, site in (("x", "a"), ("y", "a"), ("x", "b"), ("z", "b"))
        for rate in (0.01, 0.1)
    ],
}
PLOTS = {
    "accuracy": (
        lambda: plots.accuracy_by_length([4, 8], {"SC": [90, 95], "integer": [91, 96]}, 99),
        ["SC", "integer", "float", "test accuracy (%)"],
    ),
    "ablation": (
        lambda: plots.ablation({"float": 99, "rows": ROWS}),
        ["without normalisation", "with upscaling", "test error (%)"],
    ),
    "bars": (lambda: plots.bars({"a": 1234.0, "b": 5.0}, "cycles"), ["1,234", "b", "cycles"]),
    "cycles": (
        lambda: plots.cycles_used(
            [(100, 60.0, 99.0), (200, 40.0, 90.0)],
            mean=140,
            full=150,
            decided={"class": [50, 50], "scores": [0, 100]},
        ),
        ["mean 140", "always full length 150", "60.0 %"],
    ),
    "images": (
        lambda: plots.images_with_scores([(IMAGE, np.array([1, 5]), 0)], "xy"),
        ["x → y"],
    ),
    "money": (
        lambda: plots.images_with_scores([(IMAGE, np.array([1, 5]), 0)], ["5$_", "$x^$"]),
        ["5$_ → $x^$"],
    ),
    "confusion": (
        lambda: plots.confusion([[12, 3], [0, 9]], ["cat", "5$_"]),
        ["cat", "5$_", "12", "taken for"],
    ),
    "many classes": (
        lambda: plots.confusion(np.eye(100, dtype=int).tolist(), [str(i) for i in range(100)]),
        ["taken for"],
    ),
    "faults": (
        lambda: plots.faults(
            FAULTS,
            {"a": "site a", "b": "site b"},
            {"x": "kind x", "y": "kind y", "z": "kind z"},
        ),
        ["site a", "site b", "kind x", "kind y", "kind z", "flips of a bit and image"],
    ),
    "arrays": (lambda: plots.array_cost(ARRAYS), ["shared, N = 16", "neurons P Q"]),
    "cells": (
        lambda: plots.cells([[{"nodes": [[("conv_3x3", 0), ("skip", 1)]]}]]),
        ["stage 0, cell 0", "conv_3x3", "skip"],
    ),
}


@pytest.mark.parametrize("name", PLOTS)
def test_plot(name) -> None:
    draw, words = PLOTS[name]
    svg = draw()
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    text = " ".join("".join(element.itertext()) for element in root.iter() if element.text)
    for word in words:
        assert word in text
    assert draw() == svg
