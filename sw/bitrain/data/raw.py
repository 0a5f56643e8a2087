"""What every reader of files gives, and the one place where it is checked and becomes a Dataset."""

import re
from dataclasses import dataclass

import numpy as np

from bitrain.spec import BitrainError

from .dataset import Dataset
from .known import KnownSet

WHITE = 255
MAX_CHANNELS = 4


@dataclass(frozen=True, kw_only=True)
class RawPart:
    """The training or the test part as found, nothing checked."""

    images: np.ndarray
    """(images, height, width) or (images, height, width, channels): uint8, or float in [0, 1]."""
    labels: np.ndarray
    """(images,), integers."""
    images_from: str
    """File or array of the images, for messages."""
    labels_from: str


@dataclass(frozen=True, kw_only=True)
class RawData:
    """Both parts as found."""

    train: RawPart
    test: RawPart
    classes: tuple[str, ...] | None
    """Names in the order of the labels, where the files say them."""
    form: str
    """Which files these are, for the data set's note."""


def to_dataset(name: str, raw: RawData, known: KnownSet | None) -> Dataset:
    """Check what was read, and scale pixels to float32 (images, channels, height, width).

    The labels of a known set are brought into its own order of classes. Raises
    :class:`BitrainError` for images or labels that are not what they should be.
    """
    shape = known.shape if known else None
    for part in (raw.train, raw.test):
        shape = _check_images(part, shape)
        _check_labels(part)
    classes = raw.classes or (known.classes if known else _numbers(raw.train))
    for part in (raw.train, raw.test):
        _check_range(part, len(classes))
    order = np.arange(len(classes))
    if known:
        order, classes = _order(raw, known), known.classes
    elif len(classes) < 2:
        raise BitrainError(f"{raw.train.labels_from}: one class, expected two or more")
    return Dataset(
        name=name,
        note=f"{known.title if known else 'own images'}, {raw.form}",
        classes=classes,
        train_images=_to_float(raw.train.images),
        train_labels=order[raw.train.labels].astype(np.int64),
        test_images=_to_float(raw.test.images),
        test_labels=order[raw.test.labels].astype(np.int64),
    )


def _check_images(part: RawPart, expected: tuple[int, ...] | None) -> tuple[int, ...]:
    """Shape (height, width, channels) of an image, the one that is expected if any is."""
    images, where = part.images, part.images_from
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise BitrainError(
            f"{where}: an array of {_sizes(images.shape)}, expected images x height x width, "
            "with x channels at the end where there are colours"
        )
    shape = images.shape[1:] if images.ndim == 4 else (*images.shape[1:], 1)
    if shape[2] > MAX_CHANNELS:
        raise BitrainError(
            f"{where}: {shape[2]} channels, expected at most {MAX_CHANNELS}; the order is images, "
            "height, width, channels"
        )
    if expected and shape != expected:
        raise BitrainError(
            f"{where}: images of {_sizes(shape)}, expected {_sizes(expected)} (height, width, "
            "channels)"
        )
    if images.dtype != np.uint8:
        if images.dtype.kind != "f":
            raise BitrainError(
                f"{where}: pixels of type {images.dtype}, expected uint8, or float in 0 … 1"
            )
        # Written so that a NaN fails.
        if not (images.min() >= 0 and images.max() <= 1):
            raise BitrainError(f"{where}: pixels outside 0 … 1; divide by the white level")
    return shape


def _check_labels(part: RawPart) -> None:
    labels, where = part.labels, part.labels_from
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise BitrainError(
            f"{where}: labels of type {labels.dtype} in an array of {_sizes(labels.shape)}, "
            "expected a plain list of integers"
        )
    if len(labels) != len(part.images):
        raise BitrainError(
            f"{where}: {len(labels)} labels, expected {len(part.images)}, one for each image of "
            f"{part.images_from}; get both from the same source"
        )


def _check_range(part: RawPart, num_classes: int) -> None:
    for label in (part.labels.min(), part.labels.max()):
        if not 0 <= label < num_classes:
            raise BitrainError(
                f"{part.labels_from}: label {label}, expected 0 … {num_classes - 1}, a number for "
                "each class"
            )


def _numbers(part: RawPart) -> tuple[str, ...]:
    """Names for the classes of labels that have none."""
    labels = np.unique(part.labels)
    if labels[0] != 0 or labels[-1] != len(labels) - 1:
        raise BitrainError(
            f"{part.labels_from}: {len(labels)} classes labelled {labels[0]} … {labels[-1]}, "
            f"expected 0 … {len(labels) - 1}, a number for each class"
        )
    return tuple(map(str, labels))


def _order(raw: RawData, known: KnownSet) -> np.ndarray:
    """The label in the known set for each label as found, by the names of the classes."""
    if raw.classes is None:
        return np.arange(len(known.classes))
    labels = {str(label): label for label in range(len(known.classes))}
    labels |= {_plain(name): label for label, name in enumerate(known.classes)}
    order = [labels.get(_plain(name)) for name in raw.classes]
    if len(order) != len(known.classes) or set(order) != set(labels.values()):
        raise BitrainError(
            f"{raw.train.labels_from}: classes {', '.join(raw.classes)}; expected "
            f"{', '.join(known.classes)}, or their numbers"
        )
    return np.array(order)


def _plain(name: str) -> str:
    """A class name without what a folder's name cannot hold or what people write differently."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _to_float(images: np.ndarray) -> np.ndarray:
    """Channels first, white at 1; the only float copy."""
    if images.ndim == 3:
        images = images[..., None]
    images = images.transpose(0, 3, 1, 2)
    scaled = np.empty(images.shape, np.float32)
    # Twice in place: ten times as fast as one division that reads and writes in different orders.
    scaled[...] = images
    if images.dtype == np.uint8:
        scaled /= WHITE
    return scaled


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "no dimension"
