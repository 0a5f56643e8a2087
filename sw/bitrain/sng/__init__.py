"""Search of number sequences for a network, on the operands that it multiplies."""
