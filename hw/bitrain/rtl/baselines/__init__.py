"""Circuits for comparisons only: stochastic max and ReLU of the literature, pooled neurons."""
