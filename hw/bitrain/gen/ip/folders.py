"""Folders that are replaced whole: an older one stays until the new one is ready."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from bitrain.spec import BitrainError


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


def swap(new: Path, directory: Path) -> None:
    """Put ``new`` in the place of ``directory``, which is kept until that has worked."""
    if not directory.exists():
        new.replace(directory)
        return
    old = directory.with_name(f".{directory.name}.{os.getpid()}.old")
    directory.replace(old)
    try:
        new.replace(directory)
    except OSError:
        old.replace(directory)
        raise
    shutil.rmtree(old)
