"""CIFAR-10 as its authors publish it: ``cifar-10-batches-py``, or a tar of it.

Each batch is a pickled dictionary: ``data``, uint8 (images, 3072), red, green and blue planes of 32
x 32 in turn, and ``labels``, a list (A. Krizhevsky, www.cs.toronto.edu/~kriz/cifar.html). A pickle
may call any function, so this one is read without calling one: arrays are put together by the small
classes below, and everything else is refused.
"""

import io
import math
import pickle
import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bitrain.spec import BitrainError

from .raw import RawData, RawPart
from .tar import File, walk_tar

FOLDER = "cifar-10-batches-py"
META = "batches.meta"
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = ("test_batch",)
PLANES = (3, 32, 32)
NUM_CLASSES = 10


def find_batches(path: Path) -> list[Path]:
    """The folder of the batches, at ``path`` or in it."""
    names = (*TRAIN, *TEST)
    return [x for x in (path, path / FOLDER) if any((x / name).is_file() for name in names)]


def is_batch(file: File) -> bool:
    """Whether a member of an archive is a batch."""
    return "".join(file[-1:]) in (*TRAIN, *TEST)


def read_batches(path: Path) -> RawData:
    """Read five training batches and the test batch of a folder or of an archive."""
    files = {name: _parse(content, f"{path}/{name}") for name, content in _contents(path)}
    missing = [name for name in (*TRAIN, *TEST) if name not in files]
    if missing:
        raise BitrainError(f"{path}: no {missing[0]}; get all files of {FOLDER}")
    names = files.get(META, {}).get("label_names")
    return RawData(
        train=_join(path, files, TRAIN),
        test=_join(path, files, TEST),
        classes=tuple(map(str, names)) if isinstance(names, list) else None,
        form=f"pickled batches {path.resolve().name}",
    )


def _contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file that is needed."""
    needed = (META, *TRAIN, *TEST)
    if not path.is_dir():
        for file, _, content in walk_tar(path, lambda file: "".join(file[-1:]) in needed):
            if content is not None:
                yield file[-1], content
        return
    try:
        for file in (path / name for name in needed):
            if file.is_file():
                yield file.name, file.read_bytes()
    except OSError as error:
        raise BitrainError(f"{path}: cannot be read ({error}); get the file again") from error


def _join(path: Path, files: dict[str, dict], names: tuple[str, ...]) -> RawPart:
    images, labels, size = [], [], math.prod(PLANES)
    for name in names:
        where = f"{path}/{name}"
        pixels, numbers = files[name].get("data"), files[name].get("labels")
        if not isinstance(pixels, _Array) or not isinstance(numbers, list):
            raise BitrainError(f"{where}: no 'data' and 'labels'; get the original file")
        array, count = pixels.to_numpy(where), len(numbers)
        if array.shape != (count, size) or not all(n in range(NUM_CLASSES) for n in numbers):
            raise BitrainError(
                f"{where}: data of {' x '.join(map(str, array.shape))} for {count} labels, "
                f"expected images x {size} and as many numbers 0 … 9; get the original file"
            )
        images.append(array.reshape(count, *PLANES))
        labels.append(np.array(numbers, np.int64))
    return RawPart(
        images=np.concatenate(images).transpose(0, 2, 3, 1),
        labels=np.concatenate(labels),
        images_from=f"{path}, {' '.join(names)}",
        labels_from=f"{path}, labels of {' '.join(names)}",
    )


# --- the pickle ----------------------------------------------------------------------------------


class _Dtype:
    """Stands for ``numpy.dtype``."""

    def __init__(self, spec: str, *_: object):
        self.spec = spec

    def __setstate__(self, _state: object):
        """Byte order, which single bytes do not have."""


class _Array:
    """Stands for ``numpy.ndarray``; the state is what ``ndarray.__reduce__`` documents."""

    state: Any = None

    def __setstate__(self, state: object):
        self.state = state

    def to_numpy(self, where: str) -> np.ndarray:
        if isinstance(self.state, tuple) and len(self.state) == 5:
            _, shape, dtype, fortran, data = self.state
            if isinstance(dtype, _Dtype) and dtype.spec == "u1":
                try:
                    # Python 2 pickled bytes as a string.
                    data = data.encode("latin1") if isinstance(data, str) else data
                    array = np.frombuffer(data, np.uint8)
                    return array.reshape(shape, order="F" if fortran else "C")
                except (ValueError, TypeError, OverflowError):
                    pass  # no bytes, or not as many as the shape says: refused below
        raise BitrainError(f"{where}: 'data' is no array of bytes; get the original file")


_STAND_INS = {
    ("numpy.core.multiarray", "_reconstruct"): lambda *_: _Array(),
    ("numpy._core.multiarray", "_reconstruct"): lambda *_: _Array(),
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    # With it Python 3 writes bytes in old protocols.
    ("_codecs", "encode"): lambda text, _encoding: text.encode("latin1"),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def _parse(content: bytes, where: str) -> dict:
    try:
        # The pickle's memory of objects has as many places as the largest number in it says.
        for code, number, _ in pickletools.genops(content):
            if code.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(number or 0) > len(content):
                raise pickle.UnpicklingError(f"it puts object {number} of so few bytes")
        result = _Unpickler(io.BytesIO(content), encoding="latin1").load()
    # Spoilt pickles raise nearly anything (the documentation of pickle gives no full list).
    except Exception as error:
        reason = f"no batch of CIFAR-10 ({error})"
        raise BitrainError(f"{where}: {reason}; get the original file") from error
    if not isinstance(result, dict):
        raise BitrainError(f"{where}: no dictionary; get the original file")
    return result
