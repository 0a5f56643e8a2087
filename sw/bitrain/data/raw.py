"""What every reader of files gives, and the one place where it is checked and becomes a Dataset."""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bitrain.spec import BitrainError

from .dataset import Dataset, check_labels, check_range, check_unit, check_white, format_sizes
from .known import KnownSet

WHITE = 255
MAX_CHANNELS = 4
LARGEST_SIDE = 1 << 14
"""Pixels of an image that it can be resized to."""
LARGEST_DATA = 4 << 30
LARGEST_FILE = 64 << 20
"""Bytes of all images of a data set, and of a single file."""


def check_size(where: object, size: int, largest: int = LARGEST_DATA) -> None:
    """Refuse what is declared larger than any data set should be, before memory is taken for it."""
    if size > largest:
        raise BitrainError(
            f"{where}: {size:,} bytes, expected at most {largest:,}; give smaller images or fewer"
        )


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
    test: RawPart | None
    """None: the set is not split."""
    classes: tuple[str, ...] | None
    """Names in the order of the labels, where the files say them."""
    form: str
    """Which files these are, for the data set's note."""

    @property
    def parts(self) -> list[RawPart]:
        """Those that there are."""
        return [self.train] if self.test is None else [self.train, self.test]


Size = tuple[int, int]
"""Rows and columns."""


def size_of(given: Any) -> Size | None:
    """Rows and columns, of these or of one number; :class:`BitrainError` for anything else."""
    if given is None:
        return None
    sides = (given, given) if isinstance(given, int) else tuple(given)
    if len(sides) != 2 or not all(isinstance(x, int) and 1 <= x <= LARGEST_SIDE for x in sides):
        raise BitrainError(
            f"resize = {given}: expected a number of pixels, 1 … {LARGEST_SIDE}, or (rows, columns)"
        )
    return sides


def to_dataset(
    name: str, raw: RawData, known: KnownSet | None, size: Size | None = None
) -> Dataset:
    """Check what was read, and scale pixels to float32 (images, channels, height, width).

    raw: of both parts. The labels of a known set are brought into its own order of classes. size:
    rows and columns that images are resized to. Raises :class:`BitrainError` for images or labels
    that are not what they should be.
    """
    train, test = raw.parts
    shape = known.shape if known else None
    if shape and size:  # image files are resized when they are read
        found = train.images.shape[1:3]
        shape = (*found, shape[2]) if found in (size, shape[:2]) else shape
    for part in (train, test):
        shape = _check_images(part, shape)
        check_labels(part.labels, part.labels_from, len(part.images), part.images_from)
    classes = raw.classes or (known.classes if known else _numbers(train))
    for part in (train, test):
        check_range(part.labels, part.labels_from, len(classes))
    order = np.arange(len(classes))
    if known:
        order, classes = _order(raw, known), known.classes
    elif len(classes) < 2:
        raise BitrainError(f"{train.labels_from}: one class, expected two or more")
    else:
        _check_presence(train, classes)
    form = raw.form if size is None else f"{raw.form}, resized to {size[0]} x {size[1]}"
    return Dataset(
        name=name,
        note=f"{known.title if known else 'own images'}, {form}",
        classes=classes,
        train_images=_to_float(_all_resized(train.images, size)),
        train_labels=order[train.labels].astype(np.int64),
        test_images=_to_float(_all_resized(test.images, size)),
        test_labels=order[test.labels].astype(np.int64),
    )


def split_parts(raw: RawData, share: float | None) -> RawData:
    """Both parts; of a set without them, a share of each class is the test, by a fixed seed.

    Raises :class:`BitrainError` for a share of a set that has parts, and for none of one without.
    """
    from sklearn.model_selection import train_test_split

    where = raw.train.images_from
    if share is not None and not 0 < share < 1:
        raise BitrainError(f"split = {share:g}: expected a share between 0 and 1, as 0.2")
    if raw.test is not None:
        if share is not None:
            raise BitrainError(
                f"split = {share:g}: {where} has a test part of its own; leave it out"
            )
        return raw
    if share is None:
        raise BitrainError(
            f"{where}: no test part; split: 0.2 in `data` (--split 0.2) takes a fifth of each class"
        )
    labels = raw.train.labels
    try:
        places = train_test_split(
            np.arange(len(labels)), test_size=share, random_state=0, stratify=labels
        )
    except ValueError as error:
        raise BitrainError(
            f"split = {share:g}: {where} has {len(labels)} images of {len(np.unique(labels))} "
            "classes; each class needs one or more in both parts"
        ) from error
    train, test = (
        replace(raw.train, images=raw.train.images[part], labels=labels[part])
        for part in map(np.sort, places)
    )
    form = f"{raw.form}, {share:.0%} of each class for the test (seed 0)"
    return replace(raw, train=train, test=test, form=form)


def resized(image: np.ndarray, size: Size) -> np.ndarray:
    """An image (height, width) or (height, width, channels) by Pillow's bilinear filter."""
    from PIL import Image

    if image.shape[:2] == size:
        return image
    if image.dtype == np.uint8 and (image.ndim == 2 or image.shape[2] == 3):
        return np.asarray(
            Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR)
        )
    planes = image[..., None] if image.ndim == 2 else image
    found = [
        np.asarray(
            Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize(
                (size[1], size[0]), Image.Resampling.BILINEAR
            )
        )
        for plane in np.moveaxis(planes, -1, 0)
    ]
    whole = np.stack(found, -1).reshape(*size, *image.shape[2:])
    return whole.round().astype(np.uint8) if image.dtype == np.uint8 else whole.clip(0, 1)


def _all_resized(images: np.ndarray, size: Size | None) -> np.ndarray:
    if size is None or images.shape[1:3] == size:
        return images
    return np.stack([resized(image, size) for image in images])


def _check_images(part: RawPart, expected: tuple[int, ...] | None) -> tuple[int, ...]:
    """Shape (height, width, channels) of an image, the one that is expected if any is."""
    images, where = part.images, part.images_from
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise BitrainError(
            f"{where}: an array of {format_sizes(images.shape)}, expected images x height x width, "
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
            f"{where}: images of {format_sizes(shape)}, expected {format_sizes(expected)} "
            "(height, width, channels)"
        )
    _check_pixels(images, where)
    return shape


def _check_pixels(images: np.ndarray, where: str) -> None:
    """Refuse pixels of another type or scale than 0 … 255 in uint8, or 0 … 1 in float."""
    if images.dtype == np.uint8:
        check_white(int(images.max()), WHITE, images.dtype, where)
    elif images.dtype.kind == "f":
        check_unit(images, where)
    else:
        raise BitrainError(
            f"{where}: pixels of type {images.dtype}, expected uint8 of 0 … {WHITE} or float of "
            f"0 … 1; {_mend(images)}"
        )


def _mend(images: np.ndarray) -> str:
    """How pixels of another type become right ones."""
    if images.dtype.kind == "b":
        return "store images.astype(np.float32)"
    if images.dtype.kind not in "iu":
        return "store real numbers"
    if images.min() >= 0 and images.max() <= WHITE:
        return f"store images.astype(np.uint8) if white is {WHITE}"
    return f"store images / white as float32, where white is the level of white ({images.max()}?)"


def _check_presence(part: RawPart, classes: tuple[str, ...]) -> None:
    """Every class has a training image: of one that has none the network could learn nothing."""
    missing = np.setdiff1d(np.arange(len(classes)), part.labels)
    if len(missing):
        raise BitrainError(
            f"{part.labels_from}: no image of class {missing[0]} ({classes[missing[0]]}), expected "
            f"each of 0 … {len(classes) - 1}; add images of it, or take it out of the classes"
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
