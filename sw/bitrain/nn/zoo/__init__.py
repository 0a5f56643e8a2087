"""Networks by name, one file per family: ``create_model("digits_cnn", dataset.in_shape, 10)``."""

from .registry import create_model, list_models, model_file

__all__ = ["create_model", "list_models", "model_file"]
