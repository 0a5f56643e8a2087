"""Writing files whole or not at all, and telling whether they still are."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write to a temporary file beside ``path``, then rename over it."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


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
