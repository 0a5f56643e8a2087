"""Network to IP folder, and what FPGA tools say about it.

Verilog from Amaranth, ROM images, FuseSoC core and constraints; synthesis, place and route with
their reports; bitstreams for boards; the external tools that are installed.
"""
