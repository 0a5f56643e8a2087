"""FPGA devices: families, capacities, and whether a program fits."""
