"""The output folder of a run: which steps are done, and with what result.

Each step leaves ``steps/<name>.json`` with its result, the digests of the files that it wrote, and
a fingerprint of all that went into it: its part of the configuration, the version of Bitrain and
the fingerprint of the step before, which for the first step is the digest of the data. A step whose
fingerprint is unchanged and whose files are as it left them is not run again. Before a step runs,
what lies in its place moves to ``superseded/<number>``, and so does what was made of its earlier
result: nothing is lost, and what lies in the folder belongs together.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from bitrain.spec import BitrainError, content_digest, file_digest, write_atomically

SUPERSEDED = "superseded"
"""Where files go that belong to an earlier configuration."""
_KEY = "{key}"
"""Stands for the step's fingerprint in names of outputs that each fingerprint has for itself."""

_OLDER_RECORD = {"step", "fingerprint", "result"}
"""What records held before they had digests."""

_locks: dict[Path, int] = {}
"""Folders that this process works in, until it ends, and the open files that lock them."""


@dataclass
class Workspace:
    """Results of steps below ``directory``."""

    directory: Path
    results: dict[str, Any] = field(default_factory=dict)
    """Results of the steps so far in this run, by name."""
    fingerprint: str = ""
    """Fingerprint of the present step; before the first one, that of the data."""

    products: Sequence[str] = ()
    """Files that are made of all steps in the end; they move away with any step."""
    is_claimed: bool = False
    """Whether the process that gave this task holds a folder above, so that this one need not."""
    superseded: dict[str, str] = field(default_factory=dict)
    """Files and folders that moved out of the way in this run, and where they are now."""
    _number: int = field(default=0, init=False)

    @property
    def key(self) -> str:
        """Short form of the fingerprint, for names of files."""
        return self.fingerprint[:12]

    def path(self, *parts: str) -> Path:
        """A path below the folder."""
        return self.directory.joinpath(*parts)

    def claim(self) -> None:
        """Take the folder for this process until it ends; make it if it is not there.

        Raises :class:`BitrainError` where it is a file, cannot be written, or another process works
        in it.
        """
        if not self.directory.is_dir() and self.directory.exists():
            raise BitrainError(f"{self.directory} is a file; choose another output folder")
        _lock(self.directory)

    def step(
        self, name: str, inputs: Any, compute: Callable[[], Any], outputs: Sequence[str] = ()
    ) -> bool:
        """Run ``compute`` unless its result is there already; return whether it ran.

        inputs: JSON value that the result depends on, beside the steps before. outputs: files or
        folders that the step writes, ``{key}`` in them standing for :attr:`key`; without one of
        them it runs again. Raises :class:`BitrainError` where an output is not what the step wrote,
        and where another process works in the folder.
        """
        if not self.is_claimed:
            self.claim()
        before = self.fingerprint
        key = [before, name, metadata.version("bitrain"), inputs]
        text = json.dumps(key, sort_keys=True, default=str)
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()
        outputs = [output.replace(_KEY, self.key) for output in outputs]
        found = self._read(name)
        if found and found["fingerprint"] != self.fingerprint:
            self._supersede(found)
            for product in self.products:
                self.move_away(product)
        elif found and self._is_there(name, found["outputs"]):
            self.results[name] = found["result"]
            return False
        self._record(name).unlink(missing_ok=True)
        for output in outputs:
            if self.key not in output:  # there may lie checkpoints of this very step
                self.move_away(output)
        result = json.loads(json.dumps(compute()))
        content = {
            "step": name,
            "before": before,
            "fingerprint": self.fingerprint,
            "outputs": {output: self._digests(output) for output in outputs},
            "result": result,
        }
        content = {**content, "sha256": content_digest(content, {})}
        write_json(self._record(name), content)
        self.results[name] = result
        return True

    def _record(self, name: str) -> Path:
        return self.path("steps", f"{name}.json")

    def _read(self, name: str) -> dict[str, Any] | None:
        """The record of a step; None where it is missing or spoilt."""
        try:
            found = json.loads(self._record(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(found, dict):
            return None
        if found.keys() == _OLDER_RECORD:
            raise BitrainError(
                f"{self.directory}: holds steps of an earlier version of Bitrain, which this one "
                "cannot check; give another --out"
            )
        digest = found.pop("sha256", None)
        return found if digest == content_digest(found, {}) else None

    def _digests(self, output: str) -> dict[str, str]:
        """Digests of a file, or of those in a folder, by their paths below the workspace."""
        path = self.path(output)
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        return {
            file.relative_to(self.directory).as_posix(): file_digest(file)
            for file in files
            if file.is_file()
        }

    def _is_there(self, step: str, outputs: dict[str, dict[str, str]]) -> bool:
        """Whether all that the step wrote is there, as it wrote it; more may have come since."""
        written = {file: digest for files in outputs.values() for file, digest in files.items()}
        there = [file for file in written if self.path(file).is_file()]
        for file in there:  # a step that runs again would write over all of them
            if file_digest(self.path(file)) != written[file]:
                raise BitrainError(
                    f"{self.path(file)}: changed since step {step} wrote it; move it away to have "
                    "it made again, or give another --out"
                )
        return len(there) == len(written)

    def _supersede(self, record: dict[str, Any]) -> None:
        """Move away what a step and those after it left, but for what is a fingerprint's own."""
        self._record(record["step"]).unlink()
        for path in sorted(self.path("steps").glob("*.json")):
            other = self._read(path.stem)
            if other and other["before"] == record["fingerprint"]:
                self._supersede(other)
        for output in record["outputs"]:
            if record["fingerprint"][: len(self.key)] not in output:
                self.move_away(output)

    def move_away(self, output: str) -> None:
        """Move a file or folder, if it is there, to where what is superseded lies."""
        if not self.path(output).exists():
            return
        folder = self.path(SUPERSEDED)
        if not self.superseded:
            taken = [int(path.name) for path in folder.glob("*") if path.name.isdecimal()]
            self._number = 1 + max(taken, default=0)
        target = folder / str(self._number) / output
        target.parent.mkdir(parents=True, exist_ok=True)
        self.path(output).replace(target)
        self.superseded[output] = str(target.relative_to(self.directory))


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value, whole or not at all."""
    write_atomically(path, json.dumps(value, indent=1) + "\n")


def write_result(path: Path, value: Any, svg: str) -> None:
    """Write ``path``.json and the plot of it, ``path``.svg; each whole or not at all."""
    write_json(path.with_suffix(".json"), value)
    write_atomically(path.with_suffix(".svg"), svg)


def _lock(directory: Path) -> None:
    """Take ``directory`` for this process; :class:`BitrainError` where another one has it."""
    directory = directory.resolve()
    # Processes of one training, started by torchrun, work in one folder.
    if directory in _locks or os.environ.get("RANK", "0") != "0":
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError as error:
        raise BitrainError(f"{directory}: cannot be written; give another --out") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        process = os.read(file, 100).decode().strip()
        os.close(file)
        raise BitrainError(
            f"{directory}: process {process} works in this folder; wait until it has ended, or "
            "give another --out"
        ) from error
    os.truncate(file, 0)
    os.write(file, f"{os.getpid()}\n".encode())
    _locks[directory] = file
