"""Closed-form cost of a layer program: cycles, memory accesses, memory sizes, zero chunks."""

from .cost import LayerCost, NetworkCost, estimate
from .zero_chunks import skipping_cycles

__all__ = ["LayerCost", "NetworkCost", "estimate", "skipping_cycles"]
