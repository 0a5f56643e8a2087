"""Vectors as they lie in a folder."""

import json

import numpy as np
import pytest

from bitrain.cosim.testbench.vectors import StoredLayer, Vectors, beats

LAYERS = [
    {"name": "conv", "shape": [2, 1, 2], "out_base": 7, "phase": 0},
    {"name": "pool", "shape": [1, 1, 1], "out_base": 0, "phase": 1},
    {"name": "scores", "shape": [3, 1, 1], "out_base": 0, "phase": 0},
]


@pytest.fixture
def folder(tmp_path):
    manifest = {
        "width": 1,
        "pixel_bits": 4,
        "layers": LAYERS,
        "lengths": [{"length": 16}, {"length": 8}],
        "engines": [2, 1],
        "full_rate": {"cycles": [100, 90], "intervals": [110]},
        "score_bits": 6,
        "weight_streams": [],
        "runs": [],
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
    assert vectors.length == 16 and not vectors.fed


def test_runs_that_wait_for_weights(folder):
    path, runs = folder / "manifest.json", [{"lengths": [8, 16], "cycles": [230, 231]}]
    more = {"weight_streams": [{"file": "weights/a.bin", "bits": 8}], "runs": runs}
    path.write_text(json.dumps(json.loads(path.read_text()) | more))
    vectors = Vectors.load(folder)
    assert vectors.fed and vectors.run_cycles[8, 16].tolist() == [230, 231]


@pytest.mark.parametrize(("options", "number"), [({"rung": 1}, 1), ({"expected": "other"}, 2)])
def test_another_length_or_other_weights(folder, options, number):
    vectors = Vectors.load(folder, **options)
    assert vectors.scores[:, 2].tolist() == [number] * 2
    assert vectors.predicted_cycles.tolist() == [100 + number, 101 + number]
    assert vectors.layers[0].expected.tolist() == [[number] * 4] * 2


def test_words_of_a_wide_stream(folder):
    """Two pixels of four bits each; layers know where they lie in banks."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"width": 2}))
    vectors = Vectors.load(folder)
    assert vectors.pixels.tolist() == [[0x10, 0x32], [0x54, 0x76]]
    assert [(layer.width, layer.phase) for layer in vectors.layers] == [(2, 0), (2, 1)]


@pytest.mark.parametrize(("width", "bits"), [(1, 5), (2, 5), (4, 5), (8, 9)])
@pytest.mark.parametrize("columns", [1, 3, 8, 9])
def test_beats(width, bits, columns):
    """The first pixel lowest, whole numbers of any size, noise beyond a row's end."""
    rng = np.random.default_rng(columns)
    images = rng.integers(1 << bits, size=(2, 3, 2, columns))
    words = beats(images, width, bits)
    per_row = -(-columns // width)
    assert words.shape == (2, 3 * 2 * per_row)
    assert words.min() >= 0 and words.max() < 1 << bits * width
    for image, row in np.ndindex(2, 6):
        mine = words[image, row * per_row :][:per_row].tolist()
        pixels = [word >> lane * bits & (1 << bits) - 1 for word in mine for lane in range(width)]
        assert pixels[:columns] == images[image].reshape(6, columns)[row].tolist()


@pytest.mark.parametrize(("width", "phase"), [(1, 0), (2, 0), (2, 1), (4, 3), (8, 5), (8, 0)])
@pytest.mark.parametrize("shape", [(5, 2, 3), (1, 1, 1), (9, 3, 11), (4, 2, 8)])
def test_places_of_stored_activations(shape, width, phase):
    """Each word of each bank in which an activation lies is the one of that; others are none."""
    base = 6
    layer = StoredLayer(
        name="conv",
        shape=shape,
        out_base=base,
        expected=np.zeros((1, np.prod(shape))),
        width=width,
        phase=phase,
    )
    channels, rows, columns = shape
    places = {}
    for index, (c, y, x) in enumerate(np.ndindex(*shape)):
        behind = c + phase
        word = base + (behind // width * rows + y) * columns + x
        places[(x + behind) % width, word] = index
    assert len(places) == channels * rows * columns
    end = base + (channels // width + 3) * rows * columns
    for bank, address in np.ndindex(width, end):
        assert layer.index(bank, address) == places.get((bank, address))
