"""Data sets as plain arrays: what training, calibration and evaluation read."""

from .dataset import Dataset, check_classes, evenly_spaced
from .image_folder import read_image
from .pairs import from_pairs
from .raw import resized
from .registry import list_datasets, load_dataset

__all__ = [
    "Dataset",
    "check_classes",
    "evenly_spaced",
    "from_pairs",
    "list_datasets",
    "load_dataset",
    "read_image",
    "resized",
]
