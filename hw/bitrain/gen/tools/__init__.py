"""The external tools, and running them: Yosys, nextpnr, Verilator."""
