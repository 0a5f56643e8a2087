"""What others write otherwise: channels first, rows of pixels, labels from 1, one-hot or by name.

Each is recognised where it cannot be anything else, and told in the data set's note.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bitrain.spec import BitrainError

from .known import KnownSet
from .raw import RawData, RawPart

COLOURS = (1, 3, 4)
"""Channels of an image."""


def settled(raw: RawData, known: KnownSet | None) -> RawData:
    """Images (images, height, width, channels), labels as whole numbers from 0, what was changed.

    What cannot be recognised stays as it is, for the checks that follow.
    """
    told: dict[str, None] = {}
    shape = known.shape if known else None
    parts = [_with_plain(part, shape, told) for part in raw.parts]
    classes, parts = _named(raw.classes, parts)
    count = len(classes or (known.classes if known else np.unique(parts[0].labels)))
    if _are_from_one(parts, count):
        told["labels from 1"] = None
        parts = [replace(part, labels=part.labels.astype(np.int64) - 1) for part in parts]
    train, test = (*parts, None)[:2]
    form = ", ".join((raw.form, *told))
    return replace(raw, train=train, test=test, classes=classes, form=form)


def _with_plain(
    part: RawPart, shape: tuple[int, int, int] | None, told: dict[str, None]
) -> RawPart:
    images, labels = part.images, part.labels
    if _are_channels_first(images.shape, shape):
        images, told["channels first"] = np.moveaxis(images, 1, -1), None
    elif (
        shape and images.ndim == 2 and images.shape[1:] == (shape[0] * shape[1],) and shape[2] == 1
    ):
        images, told["rows of pixels"] = images.reshape(-1, *shape[:2]), None
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif _are_one_hot(labels):
        labels, told["one-hot labels"] = labels.argmax(1), None
    if labels.dtype.kind == "S":
        labels = labels.astype(str)
    if labels.dtype.kind == "f" and labels.size and (labels == np.rint(labels)).all():
        labels = labels.astype(np.int64)
    return replace(part, images=images, labels=labels)


def _are_channels_first(found: tuple[int, ...], shape: tuple[int, int, int] | None) -> bool:
    if len(found) != 4:
        return False
    if shape:
        return found[1:] == (shape[2], *shape[:2]) != shape
    return found[1] in COLOURS and found[3] not in COLOURS and found[2] not in COLOURS


def _are_one_hot(labels: np.ndarray) -> bool:
    if labels.ndim != 2 or labels.dtype.kind not in "biuf" or not labels.size:
        return False
    return bool(((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all())


def _named(
    classes: tuple[str, ...] | None, parts: list[RawPart]
) -> tuple[tuple[str, ...] | None, list[RawPart]]:
    """Numbers for labels that are names, in the order of the classes, or of their names."""
    if any(part.labels.dtype.kind != "U" or part.labels.ndim != 1 for part in parts):
        return classes, parts
    order = list(classes or map(str, np.unique(parts[0].labels)))
    found = []
    for part in parts:
        if unknown := sorted(set(map(str, part.labels)) - set(order)):
            where = "the classes" if classes else "the training labels"
            raise BitrainError(f"{part.labels_from}: label {unknown[0]!r} is not among {where}")
        numbers = np.array([order.index(str(label)) for label in part.labels], np.int64)
        found.append(replace(part, labels=numbers))
    return tuple(order), found


def _are_from_one(parts: Sequence[RawPart], count: int) -> bool:
    labels = [part.labels for part in parts]
    if any(each.ndim != 1 or each.dtype.kind not in "iu" or not each.size for each in labels):
        return False
    return min(each.min() for each in labels) == 1 and max(each.max() for each in labels) == count
