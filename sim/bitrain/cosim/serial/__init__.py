"""A cocotb test bench at the pins of an accelerator behind a serial line.

``simulate`` runs ``run`` in a process of its own, which builds a model and has the simulator load
``scenarios``; ``line`` is the host's end of the line.
"""
