"""Data sets as plain arrays: what training, calibration and evaluation read."""

from .dataset import Dataset
from .registry import list_datasets, load_dataset

__all__ = ["Dataset", "list_datasets", "load_dataset"]
