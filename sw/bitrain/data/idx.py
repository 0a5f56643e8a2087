"""MNIST and Fashion-MNIST from a user's own IDX files, compressed or not.

The format: Y. LeCun, C. Cortes and C. J. C. Burges, *The MNIST Database of Handwritten Digits*. A
magic number (type 8 = unsigned byte, number of dimensions), the dimensions as big-endian 32-bit
words, then the bytes. Fashion-MNIST (H. Xiao et al., 2017) uses the same file names.
"""

import gzip
import math
import zlib
from functools import partial
from pathlib import Path

import numpy as np

from bitrain.spec import BitrainError

from .dataset import Dataset

WHITE = 255
SIDE = 28
UNSIGNED_BYTE = 8

FILES = {"train": "train-{}-idx{}-ubyte", "test": "t10k-{}-idx{}-ubyte"}


def load_idx(name: str, data_dir: Path | None, *, classes: tuple[str, ...], note: str) -> Dataset:
    """Read the four files of ``data_dir``, or of its folder ``name`` where there is one."""
    expected = f"a folder with {FILES['train'].format('images', 3)}.gz and its three companions"
    if data_dir is None:
        raise BitrainError(f"data set {name} is read from files: give its data dir, {expected}")
    folder = data_dir / name if (data_dir / name).is_dir() else data_dir
    if not folder.is_dir():
        raise BitrainError(f"{folder}: no such folder; the data dir of {name} is {expected}")
    arrays = {}
    for split, pattern in FILES.items():
        images_path = _find(folder, pattern.format("images", 3))
        labels_path = _find(folder, pattern.format("labels", 1))
        images, labels = _read(images_path, 3), _read(labels_path, 1)
        if images.shape[1:] != (SIDE, SIDE):
            raise BitrainError(
                f"{images_path}: images of {images.shape[1]} x {images.shape[2]}, expected "
                f"{SIDE} x {SIDE}; get the original file of {name}"
            )
        if len(images) != len(labels):
            raise BitrainError(
                f"{labels_path}: {len(labels)} labels, expected {len(images)}, one for each image "
                f"of {images_path.name}; get both files from the same source"
            )
        if labels.max(initial=0) >= len(classes):
            raise BitrainError(
                f"{labels_path}: label {labels.max()}, expected 0 … {len(classes) - 1}; "
                f"get the original file of {name}"
            )
        arrays[f"{split}_images"] = images[:, None].astype(np.float32) / WHITE
        arrays[f"{split}_labels"] = labels.astype(np.int64)
    return Dataset(name=name, note=note, classes=classes, **arrays)


load_mnist = partial(
    load_idx, classes=tuple("0123456789"), note="MNIST handwritten digits, original IDX files"
)

load_fashion_mnist = partial(
    load_idx,
    classes=(
        "T-shirt/top",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    ),
    note="Fashion-MNIST articles of clothing, original IDX files",
)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise BitrainError(f"{folder}: no {name}.gz (or {name}); put the four IDX files there")


def _read(path: Path, dimensions: int) -> np.ndarray:
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise BitrainError(f"{path}: cannot be read ({error}); get the file again") from error
    magic = UNSIGNED_BYTE << 8 | dimensions
    header = np.frombuffer(content[: len(content) // 4 * 4][: 4 * (dimensions + 1)], ">u4")
    found = header[0] if header.size else "nothing"
    if found != magic:
        raise BitrainError(
            f"{path}: magic number {found}, expected {magic}; get the original IDX file"
        )
    if header.size <= dimensions:
        raise BitrainError(f"{path}: the header is cut short; get the file again")
    shape = tuple(header[1:].tolist())
    expected = math.prod(shape)
    data = np.frombuffer(content, np.uint8, offset=header.nbytes)
    if data.size != expected:
        raise BitrainError(
            f"{path}: {data.size} bytes of data, expected {expected} for "
            f"{' x '.join(map(str, shape))}; the file is cut short or spoilt, get it again"
        )
    return data.reshape(shape)
