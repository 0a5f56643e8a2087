"""What a scenario is given, and where its findings go.

``run.py`` hands this over in environment variables: ``TB_IMAGES``, ``TB_SEED`` and
``TB_FINDINGS``, the JSON file that takes what each scenario found.
"""

import json
import os
from pathlib import Path
from random import Random
from typing import Any

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
        """Of the full length."""
        self.pins = Pins.of(dut, self.manifest)
        self.random = Random(f"{os.environ['TB_SEED']} {scenario}")
        self.num_images = int(os.environ["TB_IMAGES"])
        """Vectors to choose from, the first of all."""

    def choose_image(self) -> int:
        """Number of some image."""
        return self.random.randrange(self.num_images)

    def prefixes(self) -> list[tuple[int, Vectors]]:
        """Stream lengths and their vectors, the longest first."""
        lengths = [entry["length"] for entry in self.manifest["lengths"]]
        return [(length, Vectors.load(_TB, rung)) for rung, length in enumerate(lengths)]

    def report(self, findings: dict, part: str = "") -> None:
        """Add what the scenario, or a part of it, found to the file; fail if there are problems."""
        path = Path(os.environ["TB_FINDINGS"])
        found = json.loads(path.read_text()) if path.is_file() else {}
        path.write_text(json.dumps({**found, self.scenario + part: findings}))
        assert not findings["problems"], "; ".join(findings["problems"])
