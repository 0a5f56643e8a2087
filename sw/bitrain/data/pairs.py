"""Data sets of Python: anything that gives images with labels, as torch's ``Dataset`` does."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from bitrain.spec import BitrainError

from .dataset import Dataset, format_sizes
from .image_folder import pixels_of
from .layouts import settled
from .raw import RawData, RawPart, Size, check_size, size_of, split_parts, to_dataset


def from_pairs(
    train: Any,
    test: Any = None,
    *,
    name: str = "pairs",
    classes: Sequence[str] | None = None,
    split: float | None = None,
    resize: Size | int | None = None,
) -> Dataset:
    """A data set of (image, label) pairs, all of which are read and kept.

    train, test: what has a length and gives pairs by their numbers, as a torch ``Dataset`` does, or
    what is gone through, such as a list, a generator or an ``IterableDataset``. An image is an
    array, a tensor or a picture of Pillow: (channels, height, width), (height, width, channels) or
    (height, width), uint8 with white at 255 or float with white at 1; a label a number, from 0 or
    1, or one-hot. classes: their names; by default those that ``train.classes`` says, else numbers.
    split: share of each class that is the test part, if there is none. resize: rows and columns
    that images are resized to, or one number for both.

    Raises :class:`BitrainError` naming the pair that is none, or has another size.
    """
    size = size_of(resize)
    names = classes or getattr(train, "classes", None)
    raw = RawData(
        train=_part("train", train),
        test=None if test is None else _part("test", test),
        classes=tuple(map(str, names)) if names else None,
        form=f"{type(train).__name__} of Python",
    )
    return to_dataset(name, split_parts(settled(raw, None), split), None, size)


def _part(name: str, pairs: Any) -> RawPart:
    images, labels = list[np.ndarray](), list[np.ndarray]()
    for index, pair in enumerate(_all(name, pairs)):
        where = f"{name}[{index}]"
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise BitrainError(
                f"{where}: of type {type(pair).__name__}, expected an image and its label"
            )
        image, label = (_array(each, where) for each in pair)
        if image.ndim > 3:
            raise BitrainError(
                f"{where}: an array of {format_sizes(image.shape)}, expected one image; give the "
                "data set, not a loader of batches"
            )
        for what, given, found in zip(("image", "label"), pair, (image, label), strict=True):
            if found.dtype.kind not in "buif":
                raise BitrainError(
                    f"{where}: {what} of type {type(given).__name__}, expected numbers; give an "
                    "array or a tensor"
                )
        if images and image.shape != images[0].shape:
            raise BitrainError(
                f"{where}: an image of {format_sizes(image.shape)}, the first has "
                f"{format_sizes(images[0].shape)}; bring them to one size and number of channels"
            )
        if labels and label.shape != labels[0].shape:
            raise BitrainError(f"{where}: a label of another kind than the first")
        images.append(image)
        labels.append(label)
        if not index & 0xFFF:
            check_size(name, image.nbytes * (index + 1))
    if not images:
        raise BitrainError(f"{name}: no pairs of image and label")
    return RawPart(
        images=np.stack(images),
        labels=np.stack(labels),
        images_from=f"{name}, images",
        labels_from=f"{name}, labels",
    )


def _array(given: Any, where: str) -> np.ndarray:
    """A picture, a tensor, or what NumPy takes."""
    if isinstance(given, Image.Image):
        return pixels_of(given, where)
    if hasattr(given, "detach"):  # a tensor of torch, which need not be imported for it
        given = given.detach().cpu()
        given = given.float() if given.is_floating_point() else given
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError):  # lists of other lengths, say
        return np.array(given, object)


def _all(name: str, pairs: Any) -> Iterator[Any]:
    """By their numbers, where there are so many: a ``Dataset`` need not say where it ends."""
    if hasattr(pairs, "__getitem__") and hasattr(pairs, "__len__"):
        return (pairs[index] for index in range(len(pairs)))
    if isinstance(pairs, Iterable):
        return iter(pairs)
    raise BitrainError(
        f"{name} of type {type(pairs).__name__}: expected pairs of image and label, as a torch "
        "Dataset gives them"
    )
