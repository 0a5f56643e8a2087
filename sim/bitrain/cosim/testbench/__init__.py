"""A cocotb test bench for one generated accelerator, able to stand on its own.

``write_testbench`` copies this package into an IP folder as ``tb/``, with the vectors and the
manifest beside it; ``python tb/run.py`` then needs cocotb, numpy and a simulator, but no Bitrain.
Driver, monitors, checker and scenarios are kept apart as in cocotb's ``matrix_multiplier`` example.
"""
