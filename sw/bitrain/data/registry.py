"""Data sets by name. A new one is a loader ``(name, data_dir) -> Dataset`` and a line here."""

from collections.abc import Callable
from pathlib import Path

from bitrain.spec import BitrainError

from .dataset import Dataset
from .digits import load_digits
from .idx import load_fashion_mnist, load_mnist

_LOADERS: dict[str, Callable[[str, Path | None], Dataset]] = {
    "digits": load_digits,
    "fashion_mnist": load_fashion_mnist,
    "mnist": load_mnist,
}


def list_datasets() -> list[str]:
    """Names that :func:`load_dataset` knows."""
    return sorted(_LOADERS)


def load_dataset(name: str, data_dir: Path | str | None = None) -> Dataset:
    """Load a data set. ``data_dir`` is where the user keeps its files; ``digits`` needs none.

    Raises :class:`BitrainError` for an unknown name and for missing or spoilt files.
    """
    if name not in _LOADERS:
        raise BitrainError(f"data set {name!r} is unknown; choose one of {list_datasets()}")
    return _LOADERS[name](name, Path(data_dir).expanduser() if data_dir is not None else None)
