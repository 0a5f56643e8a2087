"""From what a file holds to a data set: pixels, labels, and the order of classes."""

from dataclasses import replace

import numpy as np
import pytest

from bitrain.data.known import KnownSet
from bitrain.data.raw import RawData, RawPart, to_dataset
from bitrain.spec import BitrainError

RNG = np.random.default_rng(0)
KNOWN = KnownSet(title="Pets", classes=("dog", "T-shirt"), shape=(4, 3, 1), openml="", num_train=3)


def part(images, labels, name="train") -> RawPart:
    return RawPart(
        images=np.asarray(images),
        labels=np.asarray(labels),
        images_from=f"{name} images",
        labels_from=f"{name} labels",
    )


GREY = RNG.integers(0, 256, (3, 4, 3), np.uint8)
GREY[:, 0, 0] = 255
RAW = RawData(
    train=part(GREY, [0, 1, 1]), test=part(GREY[:1], [1], "test"), classes=None, form="a file"
)


def test_pixels_are_scaled_and_channels_come_first():
    colours = np.stack([GREY, GREY // 2], -1)
    raw = replace(RAW, train=part(colours, [0, 1, 1]), test=part(colours[:1], [0], "test"))
    found = to_dataset("mine", raw, None)
    assert found.in_shape == (2, 4, 3) and found.train_images.dtype == np.float32
    np.testing.assert_allclose(found.train_images[:, 0], GREY / 255, rtol=1e-6)
    assert (found.name, found.note, found.classes) == ("mine", "own images, a file", ("0", "1"))


def test_floats_stay_as_they_are():
    images = (GREY / 255).astype(np.float64)
    raw = replace(RAW, train=part(images, [0, 1, 1]), test=part(images[:1], [0], "test"))
    found = to_dataset("mine", raw, None)
    np.testing.assert_array_equal(found.train_images[:, 0], images.astype(np.float32))


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        (None, [0, 1, 1]),
        (("dog", "t_shirt"), [0, 1, 1]),
        (("TSHIRT", "Dog"), [1, 0, 0]),
        (("1", "0"), [1, 0, 0]),
    ],
)
def test_labels_are_brought_into_the_order_of_a_known_set(classes, labels):
    """By the names, whatever case and signs they are written with, or by the numbers."""
    found = to_dataset("pets", replace(RAW, classes=classes), KNOWN)
    assert found.train_labels.tolist() == labels and found.train_labels.dtype == np.int64
    assert found.classes == KNOWN.classes and found.note == "Pets, a file"


def changed(images=GREY, labels=(0, 1, 1), **others) -> RawData:
    return replace(RAW, train=part(images, labels), **others)


@pytest.mark.parametrize(
    ("raw", "known", "message"),
    [
        (changed(GREY[0]), None, "train images: an array of 4 x 3, expected images x height x w"),
        (changed(GREY[:, :, :0]), None, "train images: an array of 3 x 4 x 0, expected images"),
        (
            changed(np.ones((3, 5, 4, 9), np.uint8)),
            None,
            "train images: 9 channels, expected at most 4; the order is images, height, width, ch",
        ),
        (
            changed(test=part(np.ones((1, 5, 3), np.uint8), [1], "test")),
            None,
            "test images: images of 5 x 3 x 1, expected 4 x 3 x 1 (height, width, channels)",
        ),
        (
            changed(np.ones((3, 4, 4), np.uint8)),
            KNOWN,
            "train images: images of 4 x 4 x 1, expected 4 x 3 x 1 (height, width, channels)",
        ),
        (changed(GREY > 9), None, "expected uint8 of 0 … 255 or float of 0 … 1; store images.asty"),
        (
            changed(GREY.astype(int)),
            None,
            "float of 0 … 1; store images.astype(np.uint8) if white is 255",
        ),
        (
            changed(GREY.astype(int) * 4),
            None,
            "store images / white as float32, where white is the level of white (1020?)",
        ),
        (changed(GREY.astype(complex)), None, "float of 0 … 1; store real numbers"),
        (changed(labels=[0, 1]), None, "train labels: 2 labels, expected 3, one for each image"),
        (
            changed(labels=[1, 2, 2]),
            None,
            "train labels: 2 classes labelled 1 … 2, expected 0 … 1, a number for each class",
        ),
        (
            changed(labels=[0] * 3, test=part(GREY[:1], [0], "test")),
            None,
            "train labels: one class, expected two or more",
        ),
        (
            changed(classes=("a", "b", "c")),
            None,
            "train labels: no image of class 2 (c), expected each of 0 … 2; add images of it",
        ),
        (changed(labels=[0, 1, 2]), KNOWN, "train labels: label 2, expected 0 … 1, a number for"),
        (
            changed(classes=("dog", "cat")),
            KNOWN,
            "train labels: classes dog, cat; expected dog, T-shirt, or their numbers",
        ),
    ],
)
def test_refused(raw, known, message):
    with pytest.raises(BitrainError) as error:
        to_dataset("mine", raw, known)
    assert message in str(error.value)
