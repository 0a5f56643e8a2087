"""What a scenario is given, and where its findings go.

``run.py`` hands this over in environment variables: ``TB_IMAGES``, ``TB_SEED``, ``TB_LADDER`` and
``TB_FINDINGS``, the JSON file that takes what each scenario found.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from .checker import Checker
from .ladder import LadderChecker, passes_of, with_passes
from .pins import Pins
from .vectors import Vectors

_TB = Path(__file__).parent


class Session:
    """One scenario of one simulation."""

    def __init__(self, dut, scenario: str):
        self.dut = dut
        self.scenario = scenario
        self.manifest: dict[str, Any] = json.loads((_TB / "manifest.json").read_text())
        self.vectors = Vectors.load(_TB)
        """Of the full length; with what the exits that are there after reset make of it."""
        self._passes: dict[int, list[Vectors]] = {}
        self.pins = Pins.of(dut, self.manifest, _TB.parent)
        self.random = Random(f"{os.environ['TB_SEED']} {scenario}")
        self.num_images = int(os.environ["TB_IMAGES"])
        """Vectors to choose from, the first of all."""
        if exits := {int(length): margin for length, margin in self.manifest["exits"].items()}:
            prefixes = dict(self.prefixes())
            self._passes = {
                image: [
                    prefixes[length] for length in passes_of(image, exits, prefixes, max(prefixes))
                ]
                for image in range(len(self.vectors.pixels))
            }
            self.vectors = with_passes(self._passes)

    @property
    def has_exits(self) -> bool:
        """Whether images leave early though nobody has asked for it."""
        return bool(self._passes)

    def checker(self, images: Sequence[int]) -> Checker:
        """Of the images, as the accelerator runs them after reset."""
        if self._passes:
            return LadderChecker(self._passes, images)
        return Checker(self.vectors, images)

    def choose_image(self) -> int:
        """Number of some image."""
        return self.random.randrange(self.num_images)

    def prefixes(self) -> list[tuple[int, Vectors]]:
        """Stream lengths and their vectors, the longest first."""
        lengths = [entry["length"] for entry in self.manifest["lengths"]]
        return [(length, Vectors.load(_TB, rung)) for rung, length in enumerate(lengths)]

    def other_vectors(self) -> Vectors:
        """Of another network, whose weights can be loaded."""
        return Vectors.load(_TB, expected="other")

    def weight_images(self) -> tuple[list[int], list[int]]:
        """What makes the accelerator run its own network, and the other."""
        files = (_TB.parent / self.manifest["weights"], _TB / "vectors" / "other" / "weights.bin")
        own, other = (np.fromfile(path, "<u4").tolist() for path in files)
        return own, other

    @property
    def ladder(self) -> dict[int, int] | None:
        """Margins by length with which all images are to be run."""
        margins = json.loads(os.environ["TB_LADDER"])
        return margins and {int(length): margin for length, margin in margins.items()}

    def report(self, findings: dict) -> None:
        """Add what the scenario found to the file; fail if there are problems."""
        self.report_parts({"": findings})

    def report_parts(self, parts: dict[str, dict]) -> None:
        """Of a scenario that is told part by part, by the ends of their names."""
        self.pins.feed.stop()
        path = Path(os.environ["TB_FINDINGS"])
        found = json.loads(path.read_text()) if path.is_file() else {}
        named = {self.scenario + part: findings for part, findings in parts.items()}
        path.write_text(json.dumps({**found, **named}))
        problems = [line for findings in parts.values() for line in findings["problems"]]
        assert not problems, "; ".join(problems)
