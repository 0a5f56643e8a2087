"""Images and labels as IDX files, compressed or not: the form of MNIST and Fashion-MNIST.

The format: Y. LeCun, C. Cortes and C. J. C. Burges, *The MNIST Database of Handwritten Digits*. A
magic number (type 8 = unsigned byte, number of dimensions), the dimensions as big-endian 32-bit
words, then the bytes. Fashion-MNIST (H. Xiao et al., 2017) uses the same file names. Others write
``train-images.idx3-ubyte``, put each file into a folder of its name (Kaggle), all of them into
``MNIST/raw`` (torchvision), or the name of the set before (EMNIST).
"""

import gzip
import math
import re
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from bitrain.spec import BitrainError

from .raw import RawData, RawPart, check_size

UNSIGNED_BYTE = 8
_NAME = re.compile(
    r"(?:.*[-_])?(train|t10k|test)[-_.](image|label)s?[-_.]idx([13])[-_.]ubyte(\.gz)?",
    re.IGNORECASE,
)
_FOLDERS = ("", "raw", "*/raw", "*ubyte", "gzip")
"""Where the files are, below what is given."""
Kind = tuple[str, str]
"""train or test, image or label."""


def find_idx(path: Path) -> list[Path]:
    """The folder ``path`` itself where one of the four files is in it."""
    return [path] if path.is_dir() and _files(path) else []


def _files(path: Path) -> dict[Kind, list[Path]]:
    """Files of each kind, in the first of the folders that has any."""
    for folder in _FOLDERS:
        found: dict[Kind, list[Path]] = {}
        for file in sorted(path.glob(f"{folder}/*" if folder else "*")):
            if (name := _NAME.fullmatch(file.name)) and file.is_file():
                part = "train" if name[1].lower() == "train" else "test"
                found.setdefault((part, name[2].lower()), []).append(file)
        if found:
            return found
    return {}


def read_idx(folder: Path) -> RawData:
    """Read the four files, each as it is or with ``.gz``."""
    files = _files(folder)
    train, test = (_read_part(folder, files, part) for part in ("train", "test"))
    return RawData(train=train, test=test, classes=None, form="IDX files")


def _read_part(folder: Path, files: dict[Kind, list[Path]], part: str) -> RawPart:
    images, labels = (_find(folder, files, part, kind) for kind in ("image", "label"))
    names = {"images_from": str(images), "labels_from": str(labels)}
    return RawPart(images=_read(images, 3), labels=_read(labels, 1), **names)


def _find(folder: Path, files: dict[Kind, list[Path]], part: str, kind: str) -> Path:
    """The file of a kind; the compressed one where both are there."""
    found = files.get((part, kind), [])
    sets = {file.name.lower().removesuffix(".gz") for file in found}
    if len(sets) > 1:
        raise BitrainError(
            f"{folder}: several data sets ({', '.join(sorted(sets))}); put the four files of one "
            "into a folder"
        )
    if found:
        return max(found, key=lambda file: file.suffix.lower() == ".gz")
    name = (
        f"{'train' if part == 'train' else 't10k'}-{kind}s-idx{3 if kind == 'image' else 1}-ubyte"
    )
    raise BitrainError(f"{folder}: no {name}.gz (or {name}); put the four IDX files there")


def _read(path: Path, dimensions: int) -> np.ndarray:
    try:
        with (gzip.open if path.suffix.lower() == ".gz" else open)(path, "rb") as file:
            return _read_array(path, file, dimensions)
    except (OSError, EOFError, zlib.error) as error:
        raise BitrainError(f"{path}: cannot be read ({error}); get the file again") from error


def _read_array(path: Path, file: BufferedIOBase, dimensions: int) -> np.ndarray:
    magic, start = UNSIGNED_BYTE << 8 | dimensions, file.read(4 * (dimensions + 1))
    header = np.frombuffer(start[: len(start) // 4 * 4], ">u4")
    found = header[0] if header.size else "nothing"
    if found != magic:
        raise BitrainError(
            f"{path}: magic number {found}, expected {magic}; get the original IDX file"
        )
    if header.size <= dimensions:
        raise BitrainError(f"{path}: the header is cut short; get the file again")
    shape = tuple(header[1:].tolist())
    expected = math.prod(shape)
    check_size(path, expected)
    data = np.frombuffer(file.read(expected + 1), np.uint8)
    if data.size != expected:
        raise BitrainError(
            f"{path}: {data.size} bytes of data, expected {expected} for "
            f"{' x '.join(map(str, shape))}; the file is cut short or spoilt, get it again"
        )
    return data.reshape(shape)
