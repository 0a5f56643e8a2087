"""From a trained SC model to the network file's content, checked against the golden model."""

from .network import CHECK_IMAGES, export_network

__all__ = ["CHECK_IMAGES", "export_network"]
