"""Known data sets from openml.org through scikit-learn, kept in scikit-learn's own data folder.

J. Vanschoren, J. N. van Rijn, B. Bischl and L. Torgo, *OpenML: Networked Science in Machine
Learning*, SIGKDD Explorations 15 (2013). A data set comes as text, which takes minutes to parse;
the arrays are kept beside it as an ``.npz`` file, which takes a second.
"""

import io
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path

import numpy as np

from bitrain.spec import BitrainError, write_atomically

from .known import KnownSet
from .npz import read_npz
from .raw import RawData


def read_openml(name: str, known: KnownSet) -> RawData:
    """Both parts of the standard split; downloaded the first time.

    Raises :class:`BitrainError` without a network, and for data of another size.
    """
    from sklearn.datasets import get_data_home

    kept = Path(get_data_home()) / "bitrain" / f"{name}.npz"
    if not kept.is_file():
        arrays = _fetch(name, known)
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        write_atomically(kept, buffer.getvalue())
    return replace(read_npz(kept), form=f"openml.org {known.openml} version 1")


def _fetch(name: str, known: KnownSet) -> dict[str, np.ndarray]:
    from sklearn import datasets

    where = f"openml.org {known.openml}"
    try:
        # The other parser needs pandas.
        pixels, labels = datasets.fetch_openml(
            known.openml, version=1, as_frame=False, parser="liac-arff", return_X_y=True
        )
    except (OSError, ValueError, HTTPException) as error:
        raise BitrainError(
            f"data set {name} cannot be downloaded from {where} ({error}); try again with a "
            "network, or give a data dir with its files"
        ) from error
    height, width, channels = known.shape
    count = known.num_train + known.num_test
    pixels = np.asarray(pixels)
    if pixels.shape != (count, height * width * channels) or len(labels) != count:
        raise BitrainError(
            f"{where}: an array of {' x '.join(map(str, pixels.shape))}, expected "
            f"{count} x {height * width * channels}; give a data dir with the files of {name}"
        )
    images = pixels.astype(np.uint8).reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    numbers = np.asarray(labels).astype(np.int64)
    parts = {"train": slice(known.num_train), "test": slice(known.num_train, None)}
    arrays = {"images": images, "labels": numbers}
    return {f"{part}_{name}": arrays[name][parts[part]] for part in parts for name in arrays}
