"""Images and labels as the arrays of a NumPy ``.npz`` file, or as ``.npy`` files of a folder.

Arrays are known by their names (:mod:`.arrays`). Images are (images, height, width) or (images,
height, width, channels), uint8 with white at 255, or float with white at 1; labels are (images,),
integers from 0; what else people write is in :mod:`.layouts`. Pickled objects are not read.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from bitrain.spec import BitrainError

from .arrays import chosen, to_raw
from .raw import RawData, check_size

SUFFIX, SINGLE = ".npz", ".npy"
_ERRORS = (
    # The last: an array larger than the archive, a member that is locked or packed in another way.
    *(OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error),
    *(MemoryError, RuntimeError),
)


def find_npz(path: Path) -> list[Path]:
    """The file ``path`` itself, or the files in the folder."""
    return [file for file in (path, *path.glob("*")) if file.suffix == SUFFIX and file.is_file()]


def read_npz(path: Path) -> RawData:
    """Read the arrays, and the names of the classes."""
    try:
        # Opened here: NumPy leaves a file that is no archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            roles = chosen(path, archive.files)
            for entry in archive.zip.infolist():
                if entry.filename.removesuffix(SINGLE) in roles.values():
                    check_size(f"{path}, {entry.filename}", entry.file_size)
            found = {name: archive[name] for name in roles.values()}
    except _ERRORS as error:
        raise _unreadable(path, error, "np.savez") from error
    return to_raw(path, roles, found, f"NumPy file {path.name}")


def find_npy(path: Path) -> list[Path]:
    """The folder ``path`` itself where arrays of images are in it."""
    names = (file.stem for file in path.glob(f"*{SINGLE}"))
    return [path] if any(kind == "images" for _, kind in chosen(path, names)) else []


def read_npy(path: Path) -> RawData:
    """Read the files of a folder."""
    roles = chosen(path, (file.stem for file in path.glob(f"*{SINGLE}")))
    found = {}
    for name in roles.values():
        file = path / f"{name}{SINGLE}"
        check_size(file, file.stat().st_size)
        try:
            found[name] = np.load(file, allow_pickle=False)
        except _ERRORS as error:
            raise _unreadable(file, error, "np.save") from error
    return to_raw(path, roles, found, f"NumPy files in {path.resolve().name}")


def _unreadable(path: Path, error: BaseException, writer: str) -> BitrainError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "pickle" in reason:
        reason = "no arrays of numbers"
    return BitrainError(f"{path}: cannot be read ({reason}); write it with {writer}")
