"""Network recasting: a trained network into any block types, block by block."""
