"""Arrays in an .npz file, and with them what is checked of every form."""

import io
from typing import Any

import numpy as np
import pytest

from bitrain.data import load_dataset
from bitrain.spec import BitrainError

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (6, 4, 5, 3), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def arrays(**changes) -> dict[str, Any]:
    result = {
        "train_images": COLOUR,
        "train_labels": LABELS,
        "test_images": COLOUR[:3],
        "test_labels": LABELS[:3],
    }
    return {name: array for name, array in (result | changes).items() if array is not None}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mine.npz"


@pytest.mark.parametrize("place", ["file", "folder"])
def test_read(path, place) -> None:
    np.savez(path, **arrays())
    data = load_dataset("images", path if place == "file" else path.parent)
    assert data.name == "images" and data.note == "own images, NumPy file mine.npz"
    assert data.in_shape == (3, 4, 5) and data.classes == ("0", "1", "2")
    assert data.train_images.dtype == np.float32 and data.train_labels.dtype == np.int64
    wanted = COLOUR.astype(np.float32).transpose(0, 3, 1, 2) / 255
    np.testing.assert_array_equal(data.train_images, wanted)
    np.testing.assert_array_equal(data.test_images, wanted[:3])
    np.testing.assert_array_equal(data.train_labels, LABELS)
    np.testing.assert_array_equal(data.test_labels, LABELS[:3])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_and_grey_and_names(path, dtype) -> None:
    grey = RNG.random((6, 4, 5)).astype(dtype)
    classes = np.array(["cat", "dog", "emu"])
    np.savez_compressed(path, **arrays(train_images=grey, test_images=grey[:3], classes=classes))
    data = load_dataset("images", path)
    assert data.in_shape == (1, 4, 5) and data.classes == ("cat", "dog", "emu")
    np.testing.assert_array_equal(data.train_images[:, 0], grey.astype(np.float32))


def test_known_set_by_names_of_its_classes(path) -> None:
    images = np.full((10, 28, 28), 255, np.uint8)
    names = ["Ankle boot", "Bag", "Coat", "Dress", "Pullover", "Sandal", "Shirt", "Sneaker"]
    names += ["T-shirt_top", "Trouser"]
    every = {"train_images": images, "test_images": images, "classes": np.array(names)}
    labels = np.arange(10)
    np.savez(path, **every, train_labels=labels, test_labels=labels[::-1])
    data = load_dataset("fashion_mnist", path)
    assert data.classes[0] == "T-shirt/top" and data.classes[9] == "ankle boot"
    assert data.train_labels.tolist() == [9, 8, 4, 3, 2, 5, 6, 7, 0, 1]
    assert data.test_labels.tolist() == [1, 0, 7, 6, 5, 2, 3, 4, 8, 9]
    assert data.note == "Fashion-MNIST articles of clothing, NumPy file mine.npz"


def refuses(path, message: str, name: str = "images") -> None:
    with pytest.raises(BitrainError) as error:
        load_dataset(name, path)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"test_labels": None},
            ": no array of test labels; expected train_images, train_labels, test_images, "
            "test_labels (or x_train, y_train, …)",
        ),
        (
            {"train_images": COLOUR[0, 0]},
            ", train_images: an array of 5 x 3, expected images x height x width, with x channels "
            "at the end where there are colours",
        ),
        (
            {"train_images": COLOUR[:0]},
            ", train_images: an array of 0 x 4 x 5 x 3, expected images x height x width, with x "
            "channels at the end where there are colours",
        ),
        (
            {"train_images": COLOUR.transpose(0, 3, 1, 2)},
            ", train_images: 5 channels, expected at most 4; the order is images, height, width, "
            "channels",
        ),
        (
            {"test_images": COLOUR[:3, 1:]},
            ", test_images: images of 3 x 5 x 3, expected 4 x 5 x 3 (height, width, channels)",
        ),
        (
            {"train_images": COLOUR.astype(np.int64)},
            ", train_images: pixels of type int64, expected uint8 of 0 … 255 or float of 0 … 1; "
            "store images.astype(np.uint8) if white is 255",
        ),
        (
            {"train_images": np.uint16(257) * COLOUR[::-1]},
            ", train_images: pixels of type uint16, expected uint8 of 0 … 255 or float of 0 … 1; "
            "store images / white as float32, where white is the level of white (65535?)",
        ),
        (
            {"train_images": COLOUR.astype(np.int16) - 128},
            ", train_images: pixels of type int16, expected uint8 of 0 … 255 or float of 0 … 1; "
            "store images / white as float32, where white is the level of white (127?)",
        ),
        (
            {"train_images": COLOUR > 127},
            ", train_images: pixels of type bool, expected uint8 of 0 … 255 or float of 0 … 1; "
            "store images.astype(np.float32)",
        ),
        (
            {"train_images": COLOUR / (255 + 0j)},
            ", train_images: pixels of type complex128, expected uint8 of 0 … 255 or float of "
            "0 … 1; store real numbers",
        ),
        (
            {"train_images": COLOUR.astype(np.float32)},
            ", train_images: pixels 0 … 255, expected 0 … 1; divide by the white level, and "
            "subtract no mean",
        ),
        (
            {"test_images": COLOUR[:3] / 255 - 0.5},
            ", test_images: pixels -0.5 … 0.4765, expected 0 … 1; divide by the white level, and "
            "subtract no mean",
        ),
        (
            {"train_images": np.full(COLOUR.shape, np.nan)},
            ", train_images: pixels that are no number (NaN), expected 0 … 1; take these images "
            "away",
        ),
        (
            {"train_images": COLOUR % 16},
            ", train_images: the largest pixel is 15, expected 0 … 255 with white at 255 (uint8); "
            "multiply all by 17 if that is white, and write them again",
        ),
        (
            {"test_images": (COLOUR[:3] > 127).astype(np.uint8)},
            ", test_images: the largest pixel is 1, expected 0 … 255 with white at 255 (uint8); "
            "multiply all by 255 if that is white, and write them again",
        ),
        (
            {"train_images": COLOUR % 64},
            ", train_images: the largest pixel is 63, expected 0 … 255 with white at 255 (uint8); "
            "multiply all by 4.048 if that is white, and write them again",
        ),
        (
            {"test_images": 0 * COLOUR[:3]},
            ", test_images: the largest pixel is 0, expected 0 … 255 with white at 255 (uint8); "
            "all images are black, write them again",
        ),
        (
            {"train_images": np.full(COLOUR.shape, 0.2, np.float16)},
            ", train_images: the largest pixel is 0.2, expected 0 … 1 with white at 1 (float16); "
            "multiply all by 5.001 if that is white, and write them again",
        ),
        (
            {"train_labels": LABELS + 0.5},
            ", train_labels: labels of type float64 in an array of 6, expected a plain list of "
            "integers; store the number of each class",
        ),
        (
            {"train_labels": np.ones((6, 6), int)},
            ", train_labels: labels of type int64 in an array of 6 x 6, expected a plain list of "
            "integers; store labels.argmax(1)",
        ),
        (
            {"test_labels": LABELS},
            ", test_labels: 6 labels, expected 3, one for each image of {path}, test_images; get "
            "both from the same source",
        ),
        (
            {"test_labels": LABELS[:3] + 1},
            ", test_labels: label 3, expected 0 … 2, a number for each class",
        ),
        (
            {"train_labels": LABELS + 1},
            ", train_labels: 3 classes labelled 1 … 3, expected 0 … 2, a number for each class",
        ),
        (
            {"train_labels": LABELS * 10**9},
            ", train_labels: 3 classes labelled 0 … 2000000000, expected 0 … 2, a number for each "
            "class",
        ),
        (
            {"test_labels": LABELS[:3] - 1},
            ", test_labels: label -1, expected 0 … 2, a number for each class",
        ),
        (
            {"train_labels": 0 * LABELS, "test_labels": 0 * LABELS[:3]},
            ", train_labels: one class, expected two or more",
        ),
        (
            {"classes": np.array(["a", "b"])},
            ", train_labels: label 2, expected 0 … 1, a number for each class",
        ),
        (
            {"train_labels": LABELS % 2 * 2, "classes": np.array(["cat", "dog", "emu"])},
            ", train_labels: no image of class 1 (dog), expected each of 0 … 2; add images of it, "
            "or take it out of the classes",
        ),
        (
            {"train_labels": LABELS % 2 * 2},
            ", train_labels: 2 classes labelled 0 … 2, expected 0 … 1, a number for each class",
        ),
        (
            {"classes": np.arange(3)},
            ": classes of type int64, expected a list of names",
        ),
        (
            {"classes": np.array(["a", "b", "a"])},
            ": two classes of one name among a, b, a",
        ),
    ],
)
def test_refused(path, changes, message) -> None:
    np.savez(path, **arrays(**changes))
    refuses(path, f"{path}{message.replace('{path}', str(path))}")


@pytest.mark.parametrize("images", [COLOUR % 65, COLOUR % 65 / 255, np.float32(0.25) + 0 * COLOUR])
def test_a_quarter_of_white_is_enough(path, images) -> None:
    np.savez(path, **arrays(train_images=images))
    assert load_dataset("images", path).train_images.max() >= 0.25


def test_images_of_another_size_than_the_known_set(path) -> None:
    np.savez(path, **arrays())
    refuses(
        path,
        f"{path}, train_images: images of 4 x 5 x 3, expected 32 x 32 x 3 (height, width, "
        "channels)",
        "cifar10",
    )


@pytest.mark.parametrize(
    "names", [["cat", "dog"], ["x", *"123456789"], list("012345678"), [*"0123456789", "00", "x"]]
)
def test_classes_of_another_set(path, names) -> None:
    images, labels = np.full((2, 28, 28), 255, np.uint8), np.array([0, 1])
    every = {"train_images": images, "test_images": images, "classes": np.array(names)}
    np.savez(path, **every, train_labels=labels, test_labels=labels)
    refuses(
        path,
        f"{path}, train_labels: classes {', '.join(names)}; expected 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, "
        "or their numbers",
        "mnist",
    )


def spoilt_files() -> dict[str, bytes]:
    good, single, pickled = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez_compressed(good, **arrays())
    np.save(single, COLOUR)
    np.savez(pickled, train_images=np.array([{}], object))
    whole = good.getvalue()
    middle = len(whole) // 3
    return {
        "empty": b"",
        "text": b"<html>not found</html>",
        "cut short": whole[:-100],
        "overwritten": whole[:middle] + bytes(50) + whole[middle + 50 :],
        "single array": single.getvalue(),
        "objects": pickled.getvalue(),
    }


@pytest.mark.parametrize(("content"), spoilt_files().values(), ids=spoilt_files())
def test_spoilt(path, content) -> None:
    path.write_bytes(content)
    with pytest.raises(BitrainError, match=r"mine.npz: cannot be read \(.+\); write it with np.sa"):
        load_dataset("images", path)
