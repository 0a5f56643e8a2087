"""What a data set is, whatever it was read from."""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bitrain.spec import BitrainError, Shape

DARK = 0.25
"""Share of white that the largest pixel of a part must reach. Where it does not, white is another
number than it is taken to be, and in the accelerator all images would be all but black."""
LEAST_REACH = 0.95
"""Share of an array that entries with a whole stride between them reach over."""


def evenly_spaced(array: np.ndarray, count: int) -> np.ndarray:
    """So many entries, or all if there are not more: image folders are sorted by class.

    They lie a whole stride apart, as they did when published networks were trained, unless that
    left out a twentieth or more at the end.
    """
    stride = max(1, len(array) // count)
    if stride * count > LEAST_REACH * len(array):
        return array[::stride][:count]
    return array[np.arange(count) * len(array) // count]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Labelled images, split into training and test.

    Pixels are unipolar: raw intensities divided by the white level, no mean subtracted, because the
    accelerator reads them as streams.
    """

    name: str
    note: str
    """Where the images come from, in one line."""
    classes: tuple[str, ...]
    train_images: np.ndarray
    """(images, channels, height, width), float32 in [0, 1]."""
    train_labels: np.ndarray
    """(images,), int64 in 0 … classes - 1."""
    test_images: np.ndarray
    test_labels: np.ndarray

    def __post_init__(self):
        """Check all that can be checked in one pass; raises :class:`BitrainError`.

        Arrays come out in C order, images as float32, labels as int64; nothing else is converted.
        """
        shape = None
        for part in ("train", "test"):
            where = f"data set {self.name}, {part}_images"
            labels_from = f"data set {self.name}, {part}_labels"
            images, labels = getattr(self, f"{part}_images"), getattr(self, f"{part}_labels")
            for array, field in ((images, where), (labels, labels_from)):
                if not isinstance(array, np.ndarray):
                    raise BitrainError(
                        f"{field}: of type {type(array).__name__}, expected a NumPy array; give "
                        "np.asarray of it"
                    )
            shape = _check_shape(images, where, shape)
            check_unit(images, where)
            check_labels(labels, labels_from, len(images), where)
            check_range(labels, labels_from, len(self.classes))
            object.__setattr__(self, f"{part}_images", np.ascontiguousarray(images, np.float32))
            object.__setattr__(self, f"{part}_labels", np.ascontiguousarray(labels, np.int64))

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hexadecimal of the classes and the four arrays, whatever the set is called.

        It is worked out once, a second for each gigabyte: do not change an array.
        """
        arrays = (self.train_images, self.train_labels, self.test_images, self.test_labels)
        shapes = [(array.dtype.str, array.shape) for array in arrays]
        result = hashlib.sha256(json.dumps([self.classes, shapes]).encode())
        for array in arrays:
            result.update(array.data)
        return result.hexdigest()

    @property
    def in_shape(self) -> Shape:
        """Shape of one image."""
        return Shape(*self.train_images.shape[1:])

    @property
    def num_classes(self) -> int:
        """Length of a score vector."""
        return len(self.classes)

    def examples(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """So many test images and their labels, evenly spaced."""
        return evenly_spaced(self.test_images, count), evenly_spaced(self.test_labels, count)

    def check_validation(self, count: int) -> None:
        """Raise :class:`BitrainError` unless so many images can be held out."""
        total = len(self.train_labels)
        present, sizes = np.unique(self.train_labels, return_counts=True)
        if not len(present) <= count <= total - len(present) or sizes.min() < 2:
            raise BitrainError(
                f"data set {self.name}: {count} validation images cannot be held out of {total}; "
                f"each of {len(present)} classes needs one image or more in both parts"
            )

    def split_validation(self, count: int, seed: int = 0) -> "Dataset":
        """Hold ``count`` training images out, to choose a recipe without the test images.

        The test part of the result are the images held out, with the share of each class that it
        has in the training part; its training part are all others. Both are shuffled by ``seed``.
        The test images of this data set are not in the result. Raises :class:`BitrainError` where
        ``count`` does not leave every class an image in both parts.
        """
        from sklearn.model_selection import train_test_split

        self.check_validation(count)
        total = len(self.train_labels)
        train, held_out = train_test_split(
            np.arange(total), test_size=count, random_state=seed, stratify=self.train_labels
        )
        return replace(
            self,
            name=f"{self.name} (validation)",
            note=f"{self.note}; tested on {count} images held out of training (seed {seed})",
            train_images=self.train_images[train],
            train_labels=self.train_labels[train],
            test_images=self.train_images[held_out],
            test_labels=self.train_labels[held_out],
        )


def _check_shape(images: np.ndarray, where: str, expected: tuple[int, ...] | None) -> tuple:
    """Shape of an image, the one that is expected if any is."""
    sizes, shape = format_sizes(images.shape), images.shape[1:]
    if images.ndim != 4 or 0 in images.shape:
        mend = "; images[:, None] has the channel" if images.ndim == 3 else ""
        raise BitrainError(
            f"{where}: an array of {sizes}, expected images x channels x height x width, one or "
            f"more of each{mend}"
        )
    if expected and shape != expected:
        raise BitrainError(
            f"{where}: images of {format_sizes(shape)}, expected {format_sizes(expected)} "
            "(channels, height, width) like the training images; bring both to one size"
        )
    if _are_channels_last(shape):
        raise BitrainError(
            f"{where}: an array of {sizes}, expected images x channels x height x width; the "
            "channels seem to be last: images.transpose(0, 3, 1, 2)"
        )
    return shape


def _are_channels_last(shape: tuple[int, ...]) -> bool:
    """Whether it is more likely (height, width, channels) than (channels, height, width).

    Signals of one dimension are no images with an end of one pixel: a picture is seldom more than
    four times as wide as high.
    """
    first, second, last = shape
    short, long = sorted((first, second))
    return last in (1, 3, 4) and last < short and long <= 4 * short


def check_unit(images: np.ndarray, where: str) -> None:
    """Refuse pixels that are no floats in 0 … 1, white being 1."""
    if images.dtype.kind != "f":
        raise BitrainError(
            f"{where}: pixels of type {images.dtype}, expected float32 in 0 … 1; divide by the "
            "white level, as (images / 255).astype(np.float32) where that is 255"
        )
    low, high = float(images.min()), float(images.max())
    if np.isnan(low) or np.isnan(high):
        raise BitrainError(
            f"{where}: pixels that are no number (NaN), expected 0 … 1; take these images away"
        )
    if low < 0 or high > 1:
        raise BitrainError(
            f"{where}: pixels {low:.4g} … {high:.4g}, expected 0 … 1; divide by the white level, "
            "and subtract no mean"
        )
    check_white(high, 1, images.dtype, where)


def check_white(largest: float, white: int, dtype: np.dtype, where: str) -> None:
    """Refuse images whose largest pixel is far below white: it stands for another number there."""
    if largest >= DARK * white:
        return
    mend = "all images are black, write them again"
    if largest:
        mend = f"multiply all by {white / largest:.4g} if that is white, and write them again"
    raise BitrainError(
        f"{where}: the largest pixel is {largest:.4g}, expected 0 … {white} with white at {white} "
        f"({dtype}); {mend}"
    )


def check_labels(labels: np.ndarray, where: str, count: int, images_from: str) -> None:
    """A list of so many integers."""
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        mend = "store labels.argmax(1)" if labels.ndim == 2 else "store the number of each class"
        raise BitrainError(
            f"{where}: labels of type {labels.dtype} in an array of {format_sizes(labels.shape)}, "
            f"expected a plain list of integers; {mend}"
        )
    if len(labels) != count:
        raise BitrainError(
            f"{where}: {len(labels)} labels, expected {count}, one for each image of "
            f"{images_from}; get both from the same source"
        )


def check_range(labels: np.ndarray, where: str, num_classes: int) -> None:
    """Labels that all stand for one of so many classes."""
    for label in (labels.min(), labels.max()):
        if not 0 <= label < num_classes:
            raise BitrainError(
                f"{where}: label {label}, expected 0 … {num_classes - 1}, a number for each class"
            )


def format_sizes(shape: tuple[int, ...]) -> str:
    """A shape as messages have it."""
    return " x ".join(map(str, shape)) or "no dimension"


def check_classes(who: str, num_scores: int, dataset: Dataset) -> None:
    """Raise :class:`BitrainError` unless there is a score for each class of the data set."""
    if num_scores != dataset.num_classes:
        scores = "1 score" if num_scores == 1 else f"{num_scores} scores"
        raise BitrainError(
            f"{who} gives {scores}, data set {dataset.name!r} has "
            f"{dataset.num_classes} classes; give the data that it was trained on"
        )
