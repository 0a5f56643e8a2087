"""Pairs of image and label, as torch's data sets give them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from bitrain.data import from_pairs
from bitrain.spec import BitrainError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 6, 7, 3), np.uint8)
LABELS = np.arange(20) % 4
WANTED = (PIXELS / 255).astype(np.float32).transpose(0, 3, 1, 2)


class Pictures(Dataset):
    """As torchvision's are: pictures of Pillow, names of classes, no end of its own."""

    classes = ("ant", "bee", "cat", "dog")

    def __init__(self, transform=None):
        self.transform = transform

    def __len__(self) -> int:
        return len(LABELS)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        image = Image.fromarray(PIXELS[index % len(LABELS)])
        return (self.transform(image) if self.transform else image), int(LABELS[index % 20])


class Flow(IterableDataset):
    def __iter__(self) -> Iterator[tuple[np.ndarray, int]]:
        yield from zip(PIXELS, LABELS.tolist(), strict=True)


def to_tensor(image: Image.Image) -> torch.Tensor:
    """What torchvision's ToTensor does."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255


@pytest.mark.parametrize(
    "pairs",
    [
        Pictures(),
        Pictures(to_tensor),
        Flow(),
        TensorDataset(torch.from_numpy(WANTED), torch.from_numpy(LABELS)),
        TensorDataset(torch.from_numpy(PIXELS), torch.from_numpy(LABELS + 1)),
        Subset(Pictures(), range(20)),
        [(image, np.eye(4)[label]) for image, label in zip(WANTED, LABELS, strict=True)],
    ],
    ids=["pictures", "tensors", "iterable", "floats", "from 1", "subset", "one-hot"],
)
def test_images_and_labels_are_the_same(pairs) -> None:
    data = from_pairs(pairs, pairs)
    assert np.allclose(data.train_images, WANTED, atol=1e-6)
    assert np.array_equal(data.train_labels, LABELS)
    assert np.array_equal(data.test_images, WANTED)


def test_classes_and_where_they_come_from() -> None:
    assert from_pairs(Pictures(), Pictures()).classes == Pictures.classes
    assert from_pairs(Flow(), Flow()).classes == ("0", "1", "2", "3")
    named = from_pairs(Flow(), Flow(), name="mine", classes=list("abcd"))
    assert (named.name, named.classes) == ("mine", ("a", "b", "c", "d"))
    assert "Flow of Python" in named.note


def test_pictures_are_read_as_from_files() -> None:
    palettes = [(Image.fromarray(image).quantize(256), label) for image, label in Flow()]
    data = from_pairs(palettes, split=0.2)
    assert data.in_shape == (3, 6, 7)
    assert np.abs(data.train_images.mean() - WANTED.mean()) < 0.05


def test_tensors_of_any_kind() -> None:
    images = torch.from_numpy(WANTED).to(torch.bfloat16).requires_grad_()
    data = from_pairs([*zip(images, LABELS, strict=True)], split=0.2)
    assert data.in_shape == (3, 6, 7)


def test_it_may_be_split_and_resized() -> None:
    data = from_pairs(Pictures(), split=0.2, resize=(3, 3))
    assert len(data.train_labels) == 16 and len(data.test_labels) == 4
    assert data.in_shape == (3, 3, 3)
    assert from_pairs(Pictures(), split=0.2, resize=5).in_shape == (3, 5, 5)
    with pytest.raises(BitrainError, match="resize = 0: expected a number of pixels"):
        from_pairs(Pictures(), split=0.2, resize=0)
    grey = from_pairs([(image[..., 0], label) for image, label in Flow()], split=0.2)
    assert grey.in_shape == (1, 6, 7)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (None, "train of type NoneType: expected pairs of image and label"),
        ([], "train: no pairs of image and label"),
        ([PIXELS[0]], r"train\[0\]: of type ndarray, expected an image and its label"),
        ([("picture.png", 3)], r"train\[0\]: image of type str, expected numbers"),
        ([(PIXELS[0], "cat")], r"train\[0\]: label of type str, expected numbers"),
        ([*Flow(), (PIXELS[0, 1:], 0)], r"train\[20\]: an image of 5 x 7 x 3, the first has 6 x"),
        ([(PIXELS[:4], LABELS[:4])], r"train\[0\]: an array of 4 x 6 .* not a loader of batches"),
        (
            [(Image.fromarray(PIXELS[0]).convert("CMYK"), 0)],
            r"train\[0\]: Pillow's mode CMYK, expected 8-bit grey or RGB",
        ),
        ([*Flow(), (PIXELS[0], [0, 1])], r"train\[20\]: a label of another kind than the first"),
        ([(WANTED[i] - 0.5, LABELS[i]) for i in range(20)], "train, images: pixels .* expected 0"),
    ],
)
def test_what_is_no_pair_is_named(train, message) -> None:
    with pytest.raises(BitrainError, match=message):
        from_pairs(train, Pictures())


def test_a_part_without_a_test_is_asked_for() -> None:
    with pytest.raises(BitrainError, match="no test part"):
        from_pairs(Pictures())
