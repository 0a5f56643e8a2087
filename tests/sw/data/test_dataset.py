"""Holding images out of the training part."""

import numpy as np
import pytest

from bitrain.data import Dataset, evenly_spaced
from bitrain.spec import BitrainError


def rows(images: np.ndarray) -> set[bytes]:
    return {image.tobytes() for image in images}


def test_split_validation(digits) -> None:
    split = digits.split_validation(200)
    assert split.test_images.shape == (200, 1, 8, 8) and split.test_labels.shape == (200,)
    assert split.train_images.shape == (1237, 1, 8, 8) and split.train_labels.shape == (1237,)
    assert rows(split.test_images).isdisjoint(rows(split.train_images))
    assert rows(split.test_images) | rows(split.train_images) == rows(digits.train_images)
    shares = np.bincount(split.test_labels) / 200
    np.testing.assert_allclose(shares, np.bincount(digits.train_labels) / 1437, atol=0.005)


def test_split_validation_keeps_labels_with_their_images(digits) -> None:
    label_of = dict(
        zip((image.tobytes() for image in digits.train_images), digits.train_labels, strict=True)
    )
    split = digits.split_validation(100, seed=3)
    for images, labels in (
        (split.train_images, split.train_labels),
        (split.test_images, split.test_labels),
    ):
        assert [label_of[image.tobytes()] for image in images] == labels.tolist()


def test_split_validation_says_so(digits) -> None:
    split = digits.split_validation(100, seed=7)
    assert split.name == "digits (validation)"
    assert split.note == f"{digits.note}; tested on 100 images held out of training (seed 7)"
    assert split.classes == digits.classes


def test_split_validation_is_seeded(digits) -> None:
    first, again, other = (digits.split_validation(50, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.test_images, again.test_images)
    assert rows(first.test_images) != rows(other.test_images)


@pytest.mark.parametrize("count", [-1, 0, 9, 1428, 1437, 2000])
def test_split_validation_refuses_a_count(digits, count) -> None:
    with pytest.raises(BitrainError) as error:
        digits.split_validation(count)
    assert str(error.value) == (
        f"data set digits: {count} validation images cannot be held out of 1437; each of 10 "
        "classes needs one image or more in both parts"
    )


@pytest.mark.parametrize("count", [10, 1427])
def test_split_validation_at_the_limits(digits, count) -> None:
    split = digits.split_validation(count)
    assert set(split.test_labels) == set(split.train_labels) == set(range(10))


def test_split_validation_needs_two_images_of_each_class() -> None:
    data = Dataset(
        name="few",
        note="",
        classes=("a", "b"),
        train_images=np.zeros((4, 1, 1, 1), np.float32),
        train_labels=np.array([0, 0, 0, 1]),
        test_images=np.zeros((1, 1, 1, 1), np.float32),
        test_labels=np.array([0]),
    )
    with pytest.raises(BitrainError, match="2 validation images cannot be held out of 4"):
        data.split_validation(2)


def test_evenly_spaced_entries_of_a_sorted_set():
    labels = np.repeat(np.arange(10), 30)
    assert sorted(set(evenly_spaced(labels, 20).tolist())) == list(range(10))
    assert evenly_spaced(labels, 7).tolist() == labels[::42][:7].tolist()
    assert len(evenly_spaced(labels, 1000)) == 300


def test_evenly_spaced_with_a_whole_stride() -> None:
    found = evenly_spaced(np.arange(60_000), 128)
    np.testing.assert_array_equal(found, 468 * np.arange(128))


@pytest.mark.parametrize(("total", "count"), [(50_000, 20_000), (1437, 1000), (100, 99)])
def test_evenly_spaced_reaches_every_class(total, count) -> None:
    labels = np.arange(total) * 10 // total  # sorted by class, as folders are
    assert np.ptp(np.bincount(evenly_spaced(labels, count), minlength=10)) <= 2
    assert len(evenly_spaced(labels, count)) == count
