"""The IP folder: Verilog, ROM images, core, constraints, README."""
