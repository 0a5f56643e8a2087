"""Networks by name, one file per family: ``create_model("digits_cnn", dataset.in_shape, 10)``."""

from .registry import create_model, list_models

__all__ = ["create_model", "list_models"]
