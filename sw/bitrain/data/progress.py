"""A progress bar for what is quick as a rule."""

import time

from rich.console import Console
from rich.progress import Progress

PATIENCE = 2.0
"""Seconds before a bar is shown."""


class SlowProgress:
    """A context manager that shows a bar on a terminal's stderr if the work takes long."""

    def __init__(self, description: str, total: int):
        self._bar = Progress(console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(description, total=total)
        self._start = time.monotonic()
        self._is_shown = False

    def __enter__(self) -> "SlowProgress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_shown:
            self._bar.stop()

    def update(self, completed: int) -> None:
        """Say how much is done; cheap as long as nothing is shown."""
        if self._is_shown:
            self._bar.update(self._task, completed=completed)
        elif self._bar.console.is_terminal and time.monotonic() - self._start > PATIENCE:
            self._bar.start()
            self._is_shown = True
