"""Cost of a layer program: cycles, with zero chunks and waits for weights; accesses, memories."""

from .cost import LayerCost, NetworkCost, estimate
from .weight_stream import WeightFeed, latency_fed
from .zero_chunks import skipping_cycles

__all__ = ["LayerCost", "NetworkCost", "WeightFeed", "estimate", "latency_fed", "skipping_cycles"]
