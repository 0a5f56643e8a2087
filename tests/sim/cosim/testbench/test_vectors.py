"""Vectors as they lie in a folder."""

import json

import numpy as np
import pytest

from bitrain.cosim.testbench.vectors import Vectors

LAYERS = [
    {"name": "conv", "shape": [2, 1, 2], "out_base": 7},
    {"name": "pool", "shape": [1, 1, 1], "out_base": 0},
    {"name": "scores", "shape": [3, 1, 1], "out_base": 0},
]


@pytest.fixture
def folder(tmp_path):
    manifest = {
        "layers": LAYERS,
        "lengths": [{"length": 16}, {"length": 8}],
        "engines": [2, 1],
        "full_rate": {"cycles": [100, 90], "intervals": [110]},
        "score_bits": 6,
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    vectors = tmp_path / "vectors"
    vectors.mkdir()
    np.save(vectors / "images.npy", np.arange(8, dtype=np.uint8).reshape(2, 1, 2, 2))
    for number, name in enumerate(("length16", "length8", "other")):
        (vectors / name).mkdir()
        np.save(vectors / name / "layer0.npy", np.full((2, 2, 1, 2), number))
        np.save(vectors / name / "layer1.npy", np.array([[[[5]]], [[[6]]]]))
        np.save(vectors / name / "scores.npy", np.array([[-1, 2, number], [3, 4, number]]))
        np.save(vectors / name / "cycles.npy", np.array([100, 101]) + number)
    return tmp_path


def test_own_network_at_full_length(folder):
    vectors = Vectors.load(folder)
    assert vectors.pixels.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert vectors.pixels.dtype == vectors.scores.dtype == np.int64
    first, second = vectors.layers
    assert (first.name, first.shape, first.out_base) == ("conv", (2, 1, 2), 7)
    assert first.expected.tolist() == [[0] * 4] * 2 and second.expected.tolist() == [[5], [6]]
    assert (vectors.score_layer, vectors.score_shape) == ("scores", (3, 1, 1))
    assert vectors.scores.tolist() == [[-1, 2, 0], [3, 4, 0]] and vectors.score_bits == 6
    assert vectors.predicted_cycles.tolist() == [100, 101]
    assert vectors.engines == (range(2), range(2, 3))
    assert (vectors.full_rate_cycles, vectors.full_rate_intervals) == ((100, 90), (110,))


@pytest.mark.parametrize(("options", "number"), [({"rung": 1}, 1), ({"expected": "other"}, 2)])
def test_another_length_or_other_weights(folder, options, number):
    vectors = Vectors.load(folder, **options)
    assert vectors.scores[:, 2].tolist() == [number] * 2
    assert vectors.predicted_cycles.tolist() == [100 + number, 101 + number]
    assert vectors.layers[0].expected.tolist() == [[number] * 4] * 2
