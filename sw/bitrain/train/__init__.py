"""Training: one loop for float, SC-aware and binary models, and what measures them."""
