"""What a data set is, whatever it was read from."""

from dataclasses import dataclass

import numpy as np

from bitrain.spec import Shape


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
