"""The digits data set: split, range, order."""

import numpy as np

from bitrain.data import load_dataset


def test_digits(digits) -> None:
    assert digits.train_images.shape == (1437, 1, 8, 8)
    assert digits.test_images.shape == (360, 1, 8, 8)
    assert digits.in_shape == (1, 8, 8)
    assert digits.classes == tuple("0123456789")
    pixels = np.concatenate([digits.train_images, digits.test_images])
    assert pixels.min() == 0 and pixels.max() == 1
    np.testing.assert_array_equal(pixels * 16, np.round(pixels * 16))


def test_split_is_stratified_and_whole(digits) -> None:
    for labels, count in (digits.train_labels, 1437), (digits.test_labels, 360):
        shares = np.bincount(labels, minlength=10) / count
        assert np.abs(shares - 0.1).max() < 0.005
    images = np.concatenate([digits.train_images, digits.test_images]).reshape(1797, -1)
    assert len(np.unique(images, axis=0)) == 1797, "an image is in both parts"


def test_split_is_fixed(digits) -> None:
    again = load_dataset("digits")
    np.testing.assert_array_equal(again.test_images, digits.test_images)
    np.testing.assert_array_equal(again.train_labels, digits.train_labels)
