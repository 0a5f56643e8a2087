"""Which test images a contender gets right, and where each stops."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from bitrain.data import Dataset
from bitrain.runner.workspace import Workspace

from .contenders import Contender


@dataclass(frozen=True)
class Judged:
    """All test images of each seed, (seeds, images)."""

    right: np.ndarray
    places: np.ndarray
    """The last run of each in its seed's ladder, from 0."""
    ladders: list[list[int]]
    """Lengths of the runs, shortest first, of each seed."""

    @property
    def accuracies(self) -> list[float]:
        """Per cent, by seed."""
        return (100 * self.right.mean(1)).tolist()

    def mean(self, costs: Mapping[int, float]) -> float:
        """Mean cost of all runs of an image, each by its length; the median of the seeds."""
        found = []
        for ladder, places in zip(self.ladders, self.places, strict=True):
            used = np.cumsum([costs[length] for length in ladder])
            found.append(float(used[places].mean()))
        return median(found)


def judge(workspace: Workspace, contender: Contender, dataset: Dataset) -> Judged:
    """All test images, by each seed's network; kept in the workspace."""

    def found_of() -> list[dict[str, Any]]:
        return [
            {
                "ladder": ladder,
                "right": _hex(np.packbits(outcome.right)),
                "places": _hex(outcome.places.astype(np.uint8)),
            }
            for ladder, outcome in contender.judge(dataset)
        ]

    name, count = f"judge-{contender.name}", len(dataset.test_labels)
    workspace.fingerprint = dataset.digest
    workspace.step(name, [*contender.inputs, count], found_of)
    found = workspace.results[name]
    return Judged(
        right=np.stack([np.unpackbits(_from_hex(each["right"]))[:count] for each in found]),
        places=np.stack([_from_hex(each["places"]) for each in found]),
        ladders=[each["ladder"] for each in found],
    )


def _hex(numbers: np.ndarray) -> str:
    return numbers.tobytes().hex()


def _from_hex(text: str) -> np.ndarray:
    return np.frombuffer(bytes.fromhex(text), np.uint8)
