"""From a trained SC model to the network file's content, checked against the golden model."""

from .network import export_network

__all__ = ["export_network"]
