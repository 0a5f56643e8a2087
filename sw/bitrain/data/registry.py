"""Data sets by name, and the forms in which their files may come.

A new form is a module with a function that finds it and one that reads it, and a line in
``_FORMS``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bitrain.spec import BitrainError

from .batches import FOLDER, find_batches, is_batch, read_batches
from .dataset import Dataset
from .digits import load_digits
from .idx import find_idx, read_idx
from .image_folder import find_images, is_image, read_images
from .known import KNOWN
from .layouts import settled
from .npz import find_npy, find_npz, read_npy, read_npz
from .openml import read_openml
from .raw import RawData, Size, size_of, split_parts, to_dataset
from .tar import find_tars, walk_tar

DIGITS = "digits"
OWN = "images"
"""The name of a user's own data set."""


@dataclass(frozen=True)
class _Form:
    expected: str
    find: Callable[[Path], list[Path]]
    """Where a file or folder holds this form."""
    read: Callable[[Path, Size | None], RawData]
    """Of a file or folder; image files are resized at once, as they may differ."""


def _read_tar(path: Path, size: Size | None) -> RawData:
    """Read a tar by the reader for what is in it, whatever the file is called."""
    for file, _, _ in walk_tar(path, lambda _: False):
        if is_image(file):
            return read_images(path, size)
        if is_batch(file):
            return read_batches(path)
    raise BitrainError(
        f"{path}: no images in train/<class>/ and test/<class>/ and no {FOLDER} in this tar; pack "
        "one of the two"
    )


_FORMS = (
    _Form("the four IDX files of MNIST", find_idx, lambda path, _: read_idx(path)),
    _Form(FOLDER, find_batches, lambda path, _: read_batches(path)),
    _Form(
        "images in train/<class>/ and test/<class>/ or in <class>/, or a .zip of these",
        find_images,
        read_images,
    ),
    _Form("a .tar, .tar.gz, .tar.xz or .tar.bz2 of such images or batches", find_tars, _read_tar),
    _Form("an .npz file of arrays", find_npz, lambda path, _: read_npz(path)),
    _Form("a folder of .npy files", find_npy, lambda path, _: read_npy(path)),
)
_EXPECTED = "; ".join(form.expected for form in _FORMS)


def list_datasets() -> list[str]:
    """Names that :func:`load_dataset` knows."""
    return sorted((*KNOWN, DIGITS, OWN))


def load_dataset(
    name: str,
    data_dir: Path | str | None = None,
    *,
    split: float | None = None,
    resize: Size | int | None = None,
) -> Dataset:
    """Load a data set.

    ``name`` is ``digits``, which needs no files; ``mnist``, ``fashion_mnist`` or ``cifar10``, which
    are downloaded from openml.org where no ``data_dir`` is given; or ``images``, the user's own.
    ``data_dir`` is where the files are: the file itself, its folder, or the folder above a folder
    called ``name``. Each set may come in each form: IDX files (:mod:`.idx`), the batches of
    CIFAR-10 (:mod:`.batches`), image files (:mod:`.image_folder`) or arrays (:mod:`.npz`); batches
    and image files also in a tar (:mod:`.tar`), known by its contents.

    Every class of your own set needs training images; it may do without test images. A known set
    may be a part of itself, and keeps all its classes.

    split: share of each class that is the test part, of files without one. resize: rows and columns
    that images are resized to, or one number for both.

    Raises :class:`BitrainError` for an unknown name and for missing or spoilt files.
    """
    resize = size_of(resize)
    if name not in list_datasets():
        raise BitrainError(f"data set {name!r} is unknown; choose one of {list_datasets()}")
    if name == DIGITS:
        if data_dir is not None:
            raise BitrainError(
                f"{data_dir}: data set {DIGITS} comes with scikit-learn and reads no files; leave "
                f"the data dir out, or call the data set {OWN} to have your own read"
            )
        if split is not None or resize is not None:
            raise BitrainError(
                f"data set {DIGITS} has a test part and one size; leave split and resize out"
            )
        return load_digits(name)
    known = KNOWN.get(name)
    if data_dir is None and known is None:
        raise BitrainError(f"data set {name} is your own: give its data dir ({_EXPECTED})")
    if data_dir is not None:
        raw = _read(name, Path(data_dir).expanduser(), resize)
    else:
        assert known is not None
        raw = read_openml(name, known)
    return to_dataset(name, split_parts(settled(raw, known), split), known, resize)


def _read(name: str, path: Path, size: Size | None) -> RawData:
    if not path.exists():
        raise BitrainError(f"{path}: no such file or folder; the data dir of {name} is {_EXPECTED}")
    for place in (path / name, path):
        found = [(form, source) for form in _FORMS for source in form.find(place)]
        # An archive often lies beside what was unpacked from it.
        found = [(form, source) for form, source in found if source.is_dir()] or found
        if len(found) > 1:
            names = ", ".join(sorted(source.name for _, source in found))
            raise BitrainError(f"{place}: several data sets ({names}); give one as the data dir")
        for form, source in found:
            return form.read(source, size)
    raise BitrainError(f"{path}: nothing that can be read as {name}; expected {_EXPECTED}")
