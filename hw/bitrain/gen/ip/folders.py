"""Folders that are replaced whole: an older one stays until the new one is ready."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bitrain.spec import BitrainError
from bitrain.spec.files import left_beside, temporary_beside

_OLD = "old"


def check_replaceable(directory: Path, read: Callable[[Path], object], kind: str) -> None:
    """Only a folder of this kind or an empty one may be replaced, if nobody stands in it.

    ``read`` raises :class:`BitrainError` for what is no ``kind``.
    """
    if Path.cwd().is_relative_to(directory.resolve()):
        raise BitrainError(
            f"{directory}: the folder that you are in cannot be replaced; choose another"
        )
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return
    try:
        read(directory)
    except BitrainError as error:
        raise BitrainError(
            f"{directory} exists and is no {kind}; choose another folder or remove it"
        ) from error


@contextmanager
def staged(directory: Path) -> Iterator[Path]:
    """An empty folder, which takes the place of ``directory`` at the end, if nothing fails.

    What processes that were killed left beside it goes.
    """
    with _beside(directory) as folder:
        new = folder / "new"
        new.mkdir()
        yield new
        _swap(new, directory, folder / _OLD)


def swap(new: Path, directory: Path) -> None:
    """Put ``new`` in the place of ``directory``, which is kept until that has worked."""
    with _beside(directory) as folder:
        _swap(new, directory, folder / _OLD)


@contextmanager
def _beside(directory: Path) -> Iterator[Path]:
    """A folder of this process alone."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    for left in left_beside(directory):
        if left.is_symlink() or not left.is_dir():
            continue
        if (left / _OLD).exists() and not directory.exists():  # killed between two renames
            (left / _OLD).replace(directory)
        shutil.rmtree(left)
    name = temporary_beside(directory)
    name.mkdir(mode=0o700)
    try:
        yield name
    finally:
        shutil.rmtree(name, ignore_errors=True)


def _swap(new: Path, directory: Path, old: Path) -> None:
    if not directory.exists():
        new.replace(directory)
        return
    directory.replace(old)
    try:
        new.replace(directory)
    except BaseException:  # Ctrl-C too: the old one must not go with the staging
        if not directory.exists():
            old.replace(directory)
        raise
