"""Standard cells: mapping to a Liberty file, its area, its timing, its leakage."""
