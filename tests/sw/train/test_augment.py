"""Shifted images."""

import torch

from bitrain.train.augment import random_flip, random_shift


def test_no_shift() -> None:
    images = torch.rand(3, 2, 4, 5)
    assert torch.equal(random_shift(images, 0), images)


def test_every_shift_occurs_and_is_a_shift() -> None:
    torch.manual_seed(0)
    images = torch.zeros(400, 2, 5, 6)
    images[:, 0, 2, 3] = 1
    images[:, 1, 1, 2] = 2
    shifted = random_shift(images, 1)
    assert shifted.shape == images.shape
    first, second = (shifted[:, c].flatten(1).argmax(1) for c in (0, 1))
    moves = {(int(i) // 6 - 2, int(i) % 6 - 3) for i in first}
    assert moves == {(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)}
    assert torch.equal(first - second, torch.full((400,), 7)), "channels move together"


def test_zeros_come_in() -> None:
    torch.manual_seed(0)
    sums = random_shift(torch.ones(200, 1, 3, 3), 1).sum((1, 2, 3))
    assert sums.unique().tolist() == [4, 6, 9]


def test_half_of_the_images_are_mirrored() -> None:
    torch.manual_seed(0)
    images = torch.rand(400, 2, 3, 4)
    flipped = random_flip(images)
    mirrored = torch.tensor(
        [torch.equal(a, b.flip(-1)) for a, b in zip(flipped, images, strict=True)]
    )
    assert torch.equal(flipped[~mirrored], images[~mirrored])
    assert 150 < mirrored.sum() < 250
