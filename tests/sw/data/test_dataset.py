"""What a data set is made of, its digest, and holding images out of the training part."""

from dataclasses import replace

import numpy as np
import pytest

from bitrain.data import Dataset, evenly_spaced
from bitrain.spec import BitrainError

RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 3, 5, 4), np.float32)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def make(**changes) -> Dataset:
    fields = {
        "name": "mine",
        "note": "",
        "classes": ("cat", "dog", "emu"),
        "train_images": IMAGES,
        "train_labels": LABELS,
        "test_images": IMAGES[:3],
        "test_labels": LABELS[:3],
    }
    return Dataset(**fields | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"train_images": (255 * IMAGES).astype(np.uint8)},
            "train_images: pixels of type uint8, expected float32 in 0 … 1; divide by the white "
            "level, as (images / 255).astype(np.float32) where that is 255",
        ),
        (
            {"test_images": 255 * IMAGES[:3]},
            f"test_images: pixels {255 * IMAGES[:3].min():.4g} … {255 * IMAGES[:3].max():.4g}, "
            "expected 0 … 1; divide by the white level, and subtract no mean",
        ),
        (
            {"train_images": np.where(IMAGES > 0.5, np.float32(np.nan), IMAGES)},
            "train_images: pixels that are no number (NaN), expected 0 … 1; take these images away",
        ),
        (
            {"train_images": IMAGES.transpose(0, 2, 3, 1)},
            "train_images: an array of 6 x 5 x 4 x 3, expected images x channels x height x width; "
            "the channels seem to be last: images.transpose(0, 3, 1, 2)",
        ),
        (
            {"train_images": IMAGES[:, 0]},
            "train_images: an array of 6 x 5 x 4, expected images x channels x height x width, one "
            "or more of each; images[:, None] has the channel",
        ),
        (
            {"test_images": IMAGES[:0], "test_labels": LABELS[:0]},
            "test_images: an array of 0 x 3 x 5 x 4, expected images x channels x height x width, "
            "one or more of each",
        ),
        (
            {"test_images": IMAGES[:3, :1]},
            "test_images: images of 1 x 5 x 4, expected 3 x 5 x 4 (channels, height, width) like "
            "the training images; bring both to one size",
        ),
        (
            {"train_images": np.array([0, 0.2], np.float32).repeat(180).reshape(6, 3, 5, 4)},
            "train_images: the largest pixel is 0.2, expected 0 … 1 with white at 1 (float32); "
            "multiply all by 5 if that is white, and write them again",
        ),
        (
            {"train_images": IMAGES.tolist()},
            "train_images: of type list, expected a NumPy array; give np.asarray of it",
        ),
        (
            {"train_labels": LABELS[:5]},
            "train_labels: 5 labels, expected 6, one for each image of data set mine, "
            "train_images; get both from the same source",
        ),
        (
            {"train_labels": LABELS + 1},
            "train_labels: label 3, expected 0 … 2, a number for each class",
        ),
        (
            {"test_labels": LABELS[:3].astype(np.int8) - 1},
            "test_labels: label -1, expected 0 … 2, a number for each class",
        ),
        (
            {"test_labels": LABELS[:3].astype(float)},
            "test_labels: labels of type float64 in an array of 3, expected a plain list of "
            "integers; store the number of each class",
        ),
        (
            {"train_labels": np.eye(3, dtype=int)[LABELS]},
            "train_labels: labels of type int64 in an array of 6 x 3, expected a plain list of "
            "integers; store labels.argmax(1)",
        ),
    ],
)
def test_refused(changes, message) -> None:
    with pytest.raises(BitrainError) as error:
        make(**changes)
    assert str(error.value) == f"data set mine, {message}"


@pytest.mark.parametrize(
    "shape", [(28, 28, 1), (32, 32, 3), (32, 32, 4), (240, 320, 3), (7, 28, 1)]
)
def test_channels_last(shape) -> None:
    images = np.ones((6, *shape), np.float32)
    with pytest.raises(BitrainError, match=r"channels seem to be last: images\.transpose\(0, 3, 1"):
        make(train_images=images, test_images=images[:3])
    turned = images.transpose(0, 3, 1, 2)
    assert make(train_images=turned, test_images=turned[:3]).in_shape == (shape[2], *shape[:2])


@pytest.mark.parametrize(
    "shape", [(64, 1, 1), (8, 4, 4), (16, 3, 3), (9, 128, 1), (1, 28, 4), (3, 3, 3), (4, 1, 9)]
)
def test_odd_shapes(shape) -> None:
    images = np.ones((6, *shape), np.float32)
    assert make(train_images=images, test_images=images[:3]).in_shape == shape


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64, ">i8"])
def test_other_integers(dtype) -> None:
    data = make(train_labels=LABELS.astype(dtype))
    assert data.train_labels.dtype == np.int64 and data.train_labels.tolist() == LABELS.tolist()


def test_other_floats_and_orders() -> None:
    """PyTorch would train on other strides, too, in another order of sums."""
    turned = np.ascontiguousarray(IMAGES.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for images in (IMAGES.astype(np.float64), IMAGES.astype(">f4"), turned):
        data = make(train_images=images)
        assert data.train_images.dtype == np.float32 and data.train_images.flags.c_contiguous
        np.testing.assert_array_equal(data.train_images, IMAGES)
    assert make().train_images is IMAGES


def test_digest_of_equal_content() -> None:
    data = make(name="other", note="elsewhere", train_images=np.asfortranarray(IMAGES.copy()))
    assert data.digest == make().digest == replace(data, train_labels=LABELS.astype(np.int8)).digest
    assert len(data.digest) == 64


one_pixel, one_label = IMAGES.copy(), LABELS.copy()
one_pixel[5, 2, 4, 3] = np.nextafter(one_pixel[5, 2, 4, 3], np.float32(0))
one_label[5] = 1


@pytest.mark.parametrize(
    "changes",
    [
        {"train_images": one_pixel},
        {"test_images": one_pixel[3:]},
        {"train_labels": one_label},
        {"test_labels": one_label[3:]},
        {"classes": ("cat", "dog", "Emu")},
        {"classes": ("cat", "dog", "emu", "fox")},
        {"train_images": IMAGES[:5], "train_labels": LABELS[:5]},
        {
            "train_images": IMAGES.reshape(6, 3, 4, 5),
            "test_images": IMAGES[:3].reshape(3, 3, 4, 5),
        },
    ],
)
def test_digest_of_other_content(changes) -> None:
    assert make(**changes).digest != make().digest


def test_digest_is_kept_and_not_passed_on() -> None:
    data = make()
    assert data.digest is data.digest
    assert replace(data, train_images=one_pixel).digest != data.digest


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
        train_images=np.ones((4, 1, 1, 1), np.float32),
        train_labels=np.array([0, 0, 0, 1]),
        test_images=np.ones((1, 1, 1, 1), np.float32),
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
