"""Writing files whole or not at all, and telling whether they still are."""

import glob
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import BitrainError


def write_atomically(path: Path, content: bytes | str | Iterable[str]) -> None:
    """Write to a temporary file beside ``path``, then rename over it.

    Text may come in parts, which are written as they come: it need not fit in memory. What
    processes that were killed left beside it goes.
    """
    if not path.name or (path.exists() and not (path.is_file() or path.is_dir())):
        raise BitrainError(f"{path}: not the name of a file that can be written; give another")
    parts = [content] if isinstance(content, bytes | str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(path)
    try:
        with temporary.open("xb") as file:
            file.writelines(part.encode() if isinstance(part, str) else part for part in parts)
        temporary.replace(path)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
    for left in left_beside(path):
        if left.is_file():
            left.unlink(missing_ok=True)


def temporary_beside(path: Path) -> Path:
    """A name in the same folder that nothing has, with the number of this process."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(8)}.tmp")


def left_beside(path: Path) -> list[Path]:
    """What processes that run no more had under names of :func:`temporary_beside`."""
    pattern = f".{glob.escape(path.name)}.*.*.tmp"
    found = [
        (re.search(r"\.(\d+)\.[0-9a-f]{16}\.tmp$", p.name), p) for p in path.parent.glob(pattern)
    ]
    return [p for match, p in found if match and not _runs(int(match[1]))]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        pass
    return True


def content_digest(header: Any, arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 (hex) of a JSON value and of named arrays.

    It covers the JSON text of [header, [[name, type, shape] of each array]] with sorted keys, and
    then the elements of the arrays in C order. The arrays are in the order of their names; a type
    is numpy's name of it with the lowest byte first.
    """
    ordered = [
        (name, array.astype(array.dtype.newbyteorder("<"), order="C", copy=False))
        for name, array in sorted(arrays.items())
    ]
    kinds = [[name, array.dtype.str, array.shape] for name, array in ordered]
    digest = hashlib.sha256(json.dumps([header, kinds], sort_keys=True).encode())
    for _, array in ordered:
        digest.update(array.tobytes())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
