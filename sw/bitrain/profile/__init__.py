"""What float models cost: multiplications, memory accesses, seconds on this CPU."""
