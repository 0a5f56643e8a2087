"""Data sets as plain arrays: what training, calibration and evaluation read."""

from .dataset import Dataset, evenly_spaced
from .registry import list_datasets, load_dataset

__all__ = ["Dataset", "evenly_spaced", "list_datasets", "load_dataset"]
