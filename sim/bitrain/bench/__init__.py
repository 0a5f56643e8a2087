"""Simulation of a generated accelerator against the golden model, by a test bench of its own."""

from .install import write_testbench
from .simulate import SimulationReport, Simulator, simulate

__all__ = ["SimulationReport", "Simulator", "simulate", "write_testbench"]
