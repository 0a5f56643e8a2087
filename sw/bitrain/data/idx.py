"""Images and labels as IDX files, compressed or not: the form of MNIST and Fashion-MNIST.

The format: Y. LeCun, C. Cortes and C. J. C. Burges, *The MNIST Database of Handwritten Digits*. A
magic number (type 8 = unsigned byte, number of dimensions), the dimensions as big-endian 32-bit
words, then the bytes. Fashion-MNIST (H. Xiao et al., 2017) uses the same file names.
"""

import gzip
import math
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from bitrain.spec import BitrainError

from .raw import RawData, RawPart, check_size

UNSIGNED_BYTE = 8
TRAIN, TEST = "train-{}-idx{}-ubyte", "t10k-{}-idx{}-ubyte"


def find_idx(path: Path) -> list[Path]:
    """The folder ``path`` itself where one of the four files is in it."""
    is_found = any(path.glob("t*-idx[13]-ubyte")) or any(path.glob("t*-idx[13]-ubyte.gz"))
    return [path] if is_found else []


def read_idx(folder: Path) -> RawData:
    """Read the four files, each as it is or with ``.gz``."""
    train, test = (_read_part(folder, pattern) for pattern in (TRAIN, TEST))
    return RawData(train=train, test=test, classes=None, form="IDX files")


def _read_part(folder: Path, pattern: str) -> RawPart:
    images = _find(folder, pattern.format("images", 3))
    labels = _find(folder, pattern.format("labels", 1))
    names = {"images_from": str(images), "labels_from": str(labels)}
    return RawPart(images=_read(images, 3), labels=_read(labels, 1), **names)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise BitrainError(f"{folder}: no {name}.gz (or {name}); put the four IDX files there")


def _read(path: Path, dimensions: int) -> np.ndarray:
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
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
