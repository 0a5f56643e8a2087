"""Known data sets from openml.org; no test needs a network."""

from dataclasses import replace
from urllib.error import URLError

import numpy as np
import pytest
from sklearn import datasets

from bitrain.data import load_dataset
from bitrain.data.known import KNOWN
from bitrain.spec import BitrainError

NUM_TRAIN, NUM_TEST = 7, 3


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    for name, known in KNOWN.items():
        small = replace(known, num_train=NUM_TRAIN, num_test=NUM_TEST)
        monkeypatch.setitem(KNOWN, name, small)
    return tmp_path


@pytest.fixture
def serve(monkeypatch):
    """Lets openml.org answer with an array of pixels; returns the calls."""

    def start(pixels: np.ndarray) -> list:
        calls = []

        def fetch_openml(name, **options):
            calls.append((name, options["version"], options["as_frame"]))
            # Numbers come as text, pixels as float.
            return pixels.astype(float), np.arange(len(pixels)).astype(str).astype(object)

        monkeypatch.setattr(datasets, "fetch_openml", fetch_openml)
        return calls

    return start


@pytest.mark.parametrize(
    ("name", "openml", "shape"),
    [
        ("mnist", "mnist_784", (1, 28, 28)),
        ("fashion_mnist", "Fashion-MNIST", (1, 28, 28)),
        ("cifar10", "CIFAR_10", (3, 32, 32)),
    ],
)
def test_download_once(serve, name, openml, shape) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, int(np.prod(shape))))
    calls = serve(pixels)
    data = load_dataset(name)
    assert calls == [(openml, 1, False)]
    wanted = pixels.reshape(-1, *shape).astype(np.float32) / 255
    np.testing.assert_array_equal(data.train_images, wanted[:NUM_TRAIN])
    np.testing.assert_array_equal(data.test_images, wanted[NUM_TRAIN:])
    assert data.train_labels.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert data.test_labels.tolist() == [7, 8, 9]
    assert data.note.endswith(f", openml.org {openml} version 1")
    again = load_dataset(name)
    assert len(calls) == 1
    np.testing.assert_array_equal(again.train_images, data.train_images)


@pytest.mark.parametrize("error", [URLError("no route"), TimeoutError("late"), ValueError("md5")])
def test_no_network(monkeypatch, home, error) -> None:
    def fetch_openml(*_, **__):
        raise error

    monkeypatch.setattr(datasets, "fetch_openml", fetch_openml)
    with pytest.raises(BitrainError) as raised:
        load_dataset("cifar10")
    assert str(raised.value) == (
        f"data set cifar10 cannot be downloaded from openml.org CIFAR_10 ({error}); try again with "
        "a network, or give a data dir with its files"
    )
    assert not list(home.rglob("*.npz"))


@pytest.mark.parametrize("shape", [(10, 783), (9, 784)])
def test_other_data(serve, home, shape) -> None:
    serve(np.zeros(shape))
    with pytest.raises(BitrainError) as raised:
        load_dataset("mnist")
    assert str(raised.value) == (
        f"openml.org mnist_784: an array of {shape[0]} x {shape[1]}, expected 10 x 784; give a "
        "data dir with the files of mnist"
    )
    assert not list(home.rglob("*.npz"))
