"""What float models cost: multiplications, memory accesses, seconds on this CPU."""

from .cost import ModelCost, cost_by_block, model_cost
from .latency import fold_batch_norm, paired_latency

__all__ = ["ModelCost", "cost_by_block", "fold_batch_norm", "model_cost", "paired_latency"]
