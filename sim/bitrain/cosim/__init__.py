"""Simulation of a generated accelerator against the golden model, by a test bench of its own."""

from .install import write_testbench
from .serial.simulate import SerialReport, simulate_serial
from .simulate import Simulator, simulate

__all__ = [
    "SerialReport",
    "Simulator",
    "simulate",
    "simulate_serial",
    "write_testbench",
]
