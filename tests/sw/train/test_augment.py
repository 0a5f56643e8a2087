"""Shifted, mirrored and cut images."""

import torch

from bitrain.train.augment import random_cutout, random_flip, random_shift


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


def test_no_cutout() -> None:
    images, generator = torch.rand(3, 2, 4, 5), torch.get_rng_state()
    assert torch.equal(random_cutout(images, 0), images)
    assert torch.equal(generator, torch.get_rng_state())


def test_a_square_is_blackened() -> None:
    """Of all channels, whole or, at the border, a part of it."""
    torch.manual_seed(0)
    images = torch.rand(2000, 2, 6, 7) + 1
    black = random_cutout(images, 3) == 0
    assert torch.equal(black[:, 0], black[:, 1])
    found = set()
    for mask in black[:, 0]:
        rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
        size = len(rows), len(columns)
        assert mask.sum() == size[0] * size[1], "a rectangle"
        assert rows[-1] - rows[0] + 1 == size[0] and columns[-1] - columns[0] + 1 == size[1]
        inside = rows[0] > 0 and rows[-1] < 5 and columns[0] > 0 and columns[-1] < 6
        assert size == (3, 3) if inside else max(size) <= 3
        found.add((int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])))
    assert len(found) == (6 + 2) * (7 + 2), "every place"


def test_the_rest_of_the_image_stays() -> None:
    torch.manual_seed(0)
    images = torch.rand(50, 2, 6, 7) + 1
    found = random_cutout(images, 2)
    assert torch.equal(found[found > 0], images[found > 0]) and (found == 0).any()


def test_cutout_is_of_the_seed() -> None:
    images = torch.rand(20, 1, 8, 8) + 1
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(random_cutout(images, 4))
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
