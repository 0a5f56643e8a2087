"""The output folder of a run: which steps are done, and with what result.

Each step leaves ``steps/<name>.json`` with its result and a fingerprint of all that went into it:
its part of the configuration, the version of Bitrain and the fingerprint of the step before. A
step whose fingerprint is unchanged is not run again.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from bitrain.spec import BitrainError, write_atomically


@dataclass
class Workspace:
    """Results of steps below ``directory``."""

    directory: Path
    results: dict[str, Any] = field(default_factory=dict)
    """Of the steps so far in this run, by name."""
    fingerprint: str = ""
    """Of the present step."""

    def path(self, *parts: str) -> Path:
        """A path below the folder."""
        return self.directory.joinpath(*parts)

    def step(
        self,
        name: str,
        inputs: Any,
        compute: Callable[[], Any],
        outputs: tuple[str, ...] = (),
    ) -> bool:
        """Run ``compute`` unless its result is there already; return whether it ran.

        inputs: JSON value that the result depends on, beside the steps before. outputs: files or
        folders that the step writes; without one of them it runs again.
        """
        if not self.directory.is_dir() and self.directory.exists():
            raise BitrainError(f"{self.directory} is a file; choose another output folder")
        key = [self.fingerprint, name, metadata.version("bitrain"), inputs]
        text = json.dumps(key, sort_keys=True, default=str)
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()
        record = self.path("steps", f"{name}.json")
        found = self._read(record)
        if found and all(self.path(output).exists() for output in outputs):
            self.results[name] = found["result"]
            return False
        record.unlink(missing_ok=True)
        result = json.loads(json.dumps(compute()))
        content = {"step": name, "fingerprint": self.fingerprint, "result": result}
        write_atomically(record, json.dumps(content, indent=1) + "\n")
        self.results[name] = result
        return True

    def _read(self, record: Path) -> dict[str, Any] | None:
        """A record of this very step; None where it is missing, spoilt or of other inputs."""
        try:
            found = json.loads(record.read_text(encoding="utf-8"))
            return found if found["fingerprint"] == self.fingerprint else None
        except (OSError, ValueError, KeyError, TypeError):
            return None
