"""The digits of the UCI repository in scikit-learn: 1,797 images of 8 x 8, no download.

E. Alpaydin and C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
Repository (1998). scikit-learn ships its test part; the split below is our own.
"""

import numpy as np

from .dataset import Dataset

WHITE = 16
SIDE = 8
TEST_IMAGES = 360
SPLIT_SEED = 0


def load_digits(name: str) -> Dataset:
    """1,437 training and 360 test images, split by class with a fixed seed."""
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    pixels, labels = (np.asarray(array) for array in datasets.load_digits(return_X_y=True))
    images = (pixels.reshape(-1, 1, SIDE, SIDE) / WHITE).astype(np.float32)
    labels = labels.astype(np.int64)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=TEST_IMAGES, random_state=SPLIT_SEED, stratify=labels
    )
    return Dataset(
        name=name,
        note="UCI optical recognition of handwritten digits, the part in scikit-learn",
        classes=tuple("0123456789"),
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
    )
