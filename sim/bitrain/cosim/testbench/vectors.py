"""The manifest of an accelerator and the golden vectors that its outputs are compared with."""

import json
from dataclasses import dataclass
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
    """RAM address of the first activation; the others follow in C order."""
    expected: np.ndarray
    """(images, channels · height · width)"""


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """What the scenarios need to know of an accelerator, and what it should answer."""

    pixels: np.ndarray
    """(images, pixels), in the order in which they are streamed in."""
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
            pixels=rows("images"),
            layers=tuple(
                StoredLayer(
                    name=layer["name"],
                    shape=tuple(layer["shape"]),
                    out_base=layer["out_base"],
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
        )
