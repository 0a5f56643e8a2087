"""The P x Q x N array: SNGs, multipliers, population counts, accumulators."""
