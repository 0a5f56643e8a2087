"""The manifest of an accelerator and the golden vectors that its outputs are compared with."""

import json
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class StoredLayer:
    """A layer that stores activations, in sight of a trace port."""

    name: str
    shape: tuple[int, int, int]
    """(channels, height, width)"""
    out_base: int
    """Word of the first activation in its bank."""
    expected: np.ndarray
    """(images, channels · height · width)"""
    width: int = 1
    """W, banks."""
    phase: int = 0
    """Channels that lie before the first in its word."""

    def index(self, bank: int, address: int) -> int | None:
        """Index in C order of the activation in a word of a bank; None if it is none of these.

        Activation (c, y, x) is in bank (x + c') mod W at word out_base + (floor(c' / W) rows + y)
        columns + x, where c' = c + phase.
        """
        channels, rows, columns = self.shape
        word, pixel = divmod(address - self.out_base, rows * columns)
        channel = word * self.width + (bank - pixel % columns) % self.width - self.phase
        return channel * rows * columns + pixel if 0 <= channel < channels else None


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """What the scenarios need to know of an accelerator, and what it should answer."""

    length: int
    """Of the longest streams."""
    pixels: np.ndarray
    """(images, words), in the order in which they are streamed in: pixels, or beats of W."""
    layers: tuple[StoredLayer, ...]
    """All layers but the last."""
    score_layer: str
    """Name of the last layer."""
    score_shape: tuple[int, int, int]
    scores: np.ndarray
    """(images, scores), in the order in which they are streamed out."""
    score_bits: int
    predicted_cycles: np.ndarray
    """From the cycle after an image's last pixel until its first score is offered, if no other
    image is on the way: (images,)."""
    engines: tuple[range, ...]
    """Numbers of the layers that each engine runs."""
    full_rate_cycles: tuple[int, ...]
    """The same for images of which each follows the one before at once."""
    full_rate_intervals: tuple[int, ...]
    """From each of these to the next."""
    fed: bool = False
    """Whether weights come from outside, for which an image may wait."""
    run_cycles: dict[tuple[int, ...], np.ndarray] = field(default_factory=dict)
    """Then what ``predicted_cycles`` are of images that run at several lengths, by these."""

    @classmethod
    def load(cls, folder: Path, rung: int = 0, expected: str | None = None) -> "Vectors":
        """Read ``manifest.json`` and ``vectors/`` in ``folder``.

        rung: of the stream lengths that the accelerator has, the longest first. expected: folder
        of what it should answer, by default that of its own network.
        """
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
        prefix = manifest["lengths"][rung]
        expected = expected or f"length{prefix['length']}"

        def rows(name: str) -> np.ndarray:
            array = np.load(folder / "vectors" / f"{name}.npy")
            return array.reshape(len(array), -1).astype(np.int64)

        *stored, last = manifest["layers"]
        sizes, rate = manifest["engines"], manifest["full_rate"]
        return cls(
            length=prefix["length"],
            pixels=beats(
                np.load(folder / "vectors" / "images.npy"),
                manifest["width"],
                manifest["pixel_bits"],
            ),
            layers=tuple(
                StoredLayer(
                    name=layer["name"],
                    shape=tuple(layer["shape"]),
                    out_base=layer["out_base"],
                    width=manifest["width"],
                    phase=layer["phase"],
                    expected=rows(f"{expected}/layer{i}"),
                )
                for i, layer in enumerate(stored)
            ),
            score_layer=last["name"],
            score_shape=tuple(last["shape"]),
            scores=rows(f"{expected}/scores"),
            score_bits=manifest["score_bits"],
            predicted_cycles=rows(f"{expected}/cycles")[:, 0],
            engines=tuple(
                range(end - size, end) for size, end in zip(sizes, accumulate(sizes), strict=True)
            ),
            full_rate_cycles=tuple(rate["cycles"]),
            full_rate_intervals=tuple(rate["intervals"]),
            fed=bool(manifest["weight_streams"]),
            run_cycles={
                tuple(runs["lengths"]): np.array(runs["cycles"]) for runs in manifest["runs"]
            },
        )


def beats(images: np.ndarray, width: int, bits: int) -> np.ndarray:
    """Words of the image stream, (images, words): W pixels of a row each, the first lowest.

    images: (images, channels, height, width). ``bits`` of a word are a pixel's. What a row's last
    beat lacks is noise.
    """
    if width == 1:
        return images.reshape(len(images), -1).astype(np.int64)
    missing = -images.shape[3] % width
    noise = np.random.default_rng(0).integers(1 << bits, size=(*images.shape[:3], missing))
    rows = np.concatenate([images.astype(object), noise.astype(object)], axis=3)
    lanes = rows.reshape(len(images), -1, width)
    return np.asarray([1 << lane * bits for lane in range(width)], object) @ lanes.transpose(
        0, 2, 1
    )
