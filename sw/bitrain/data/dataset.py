"""What a data set is, whatever it was read from."""

from dataclasses import dataclass, replace

import numpy as np

from bitrain.spec import BitrainError, Shape

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
        for images, labels in (
            (self.train_images, self.train_labels),
            (self.test_images, self.test_labels),
        ):
            assert images.dtype == np.float32 and images.shape[1:] == self.in_shape
            assert labels.dtype == np.int64 and labels.shape == images.shape[:1]

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

    def split_validation(self, count: int, seed: int = 0) -> "Dataset":
        """Hold ``count`` training images out, to choose a recipe without the test images.

        The test part of the result are the images held out, with the share of each class that it
        has in the training part; its training part are all others. Both are shuffled by ``seed``.
        The test images of this data set are not in the result. Raises :class:`BitrainError` where
        ``count`` does not leave every class an image in both parts.
        """
        from sklearn.model_selection import train_test_split

        total = len(self.train_labels)
        present, sizes = np.unique(self.train_labels, return_counts=True)
        if not len(present) <= count <= total - len(present) or sizes.min() < 2:
            raise BitrainError(
                f"data set {self.name}: {count} validation images cannot be held out of {total}; "
                f"each of {len(present)} classes needs one image or more in both parts"
            )
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
