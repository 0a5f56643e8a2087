"""The examples: configurations that are part of the package, and known by name."""

from pathlib import Path

_FOLDERS = (Path(__file__).parents[1] / "examples", Path(__file__).parents[3] / "examples")
"""Where an installed package has them, and where a checkout does."""


def example_paths(kind: str = "") -> dict[str, Path]:
    """Examples by name; ``kind``: ``""`` for those of a run, ``recast``, or ``search``."""
    folder = next(folder for folder in _FOLDERS if folder.is_dir())
    return {path.stem: path for path in sorted((folder / kind).glob("*.yaml"))}
