"""The engine that reads, finishes and stores W numbers in a cycle, W > 1."""
