"""Images and labels as the arrays of a NumPy ``.npz`` file.

``train_images`` and ``test_images`` are (images, height, width) or (images, height, width,
channels), uint8 with white at 255, or float with white at 1; ``train_labels`` and ``test_labels``
are (images,), integers from 0; ``classes``, where given, are their names in order. Pickled objects
are not read.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from bitrain.spec import BitrainError

from .raw import RawData, RawPart, check_size

SUFFIX = ".npz"


def find_npz(path: Path) -> list[Path]:
    """The file ``path`` itself, or the files in the folder."""
    return [file for file in (path, *path.glob("*")) if file.suffix == SUFFIX and file.is_file()]


def read_npz(path: Path) -> RawData:
    """Read the four arrays, and the names of the classes."""
    try:
        # Opened here: NumPy leaves a file that is no archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            for entry in archive.zip.infolist():
                if entry.filename.removesuffix(".npy") in _NAMES:
                    check_size(f"{path}, {entry.filename}", entry.file_size)
            found = {name: archive[name] for name in _NAMES if name in archive}
    # The last: an array larger than the archive, a member that is locked or packed in another way.
    except (
        *(OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, zlib.error),
        *(MemoryError, RuntimeError),
    ) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BitrainError(f"{path}: cannot be read ({reason}); write it with np.savez") from error
    missing = [name for name in _NAMES[:4] if name not in found]
    if missing:
        raise BitrainError(f"{path}: no array {missing[0]}; expected {', '.join(_NAMES[:4])}")
    names = found.get("classes")
    if names is not None and (names.dtype.kind != "U" or names.ndim != 1):
        raise BitrainError(f"{path}: classes of type {names.dtype}, expected a list of names")
    classes = tuple(map(str, names)) if names is not None else None
    if classes is not None and len(set(classes)) != len(classes):
        raise BitrainError(f"{path}: two classes of one name among {', '.join(classes)}")
    train, test = (_part(path, found, *_NAMES[first : first + 2]) for first in (0, 2))
    return RawData(train=train, test=test, classes=classes, form=f"NumPy file {path.name}")


def _part(path: Path, found: dict[str, np.ndarray], images: str, labels: str) -> RawPart:
    where = {"images_from": f"{path}, {images}", "labels_from": f"{path}, {labels}"}
    return RawPart(images=found[images], labels=found[labels], **where)


_NAMES = ("train_images", "train_labels", "test_images", "test_labels", "classes")
