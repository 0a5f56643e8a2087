"""What a network says of image files, by the golden model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bitrain import golden
from bitrain.spec import BitrainError, Network, to_unipolar

GREY = np.array([0.299, 0.587, 0.114])
"""Shares of red, green and blue in the luma of ITU-R BT.601."""


@dataclass(frozen=True)
class Prediction:
    """Of one image."""

    path: Path
    best: str
    """The class of the largest score, the first of several."""
    scores: dict[str, int]
    """By class, in their order, in product bits."""
    margin: int
    """Best score less the second best."""


def predict(network: Network, paths: Sequence[Path], *, resize: bool = False) -> list[Prediction]:
    """Classes and scores of PNG, JPEG and BMP files.

    resize: bring images to the network's size, as is done by itself where its training images were.
    Raises :class:`BitrainError` naming a file that cannot be read or has another size.
    """
    resize = resize or "resize" in network.metadata.get("source", {})
    images = np.stack([_image(network, path, resize=resize) for path in paths])
    found = golden.predict(network, to_unipolar(images, network.bits))
    names = [str(i) for i in range(network.num_scores)]
    classes = network.metadata.get("classes", names)
    if len(classes) != len(names):
        classes = names
    margins = golden.margins(found) if len(names) > 1 else found[:, 0]
    return [
        Prediction(
            path, classes[int(row.argmax())], dict(zip(classes, row.tolist(), strict=True)), margin
        )
        for path, row, margin in zip(paths, found, margins.tolist(), strict=True)
    ]


def _image(network: Network, path: Path, *, resize: bool) -> np.ndarray:
    """(channels, height, width), float32 in 0 … 1."""
    from bitrain.data import read_image, resized

    channels, height, width = network.in_shape
    image = read_image(path)
    if image.shape[:2] != (height, width):
        if not resize:
            found = f"{image.shape[1]} x {image.shape[0]}"
            raise BitrainError(
                f"{path}: {found} pixels, the network reads {width} x {height}; give --resize"
            )
        image = resized(image, (height, width))
    pixels = image / np.float32(255)
    if channels == 1 and pixels.ndim == 3:
        pixels = pixels @ GREY
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    if channels not in (1, 3):
        raise BitrainError(
            f"{path}: an image of {len(planes)} channels, the network reads {channels}; expected "
            "one of 1 or 3"
        )
    return np.broadcast_to(planes, (channels, height, width)).astype(np.float32)
