"""The simulators: where they are found, and what cocotb's runner must be told for each.

Verilator compiles the accelerator to C++, which takes long and then runs fast; Icarus Verilog
starts at once, runs slowly, and knows unknown values.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from .verilator import GET_VERILATOR, find_verilator


class RunError(Exception):
    """The simulation could not be run; one line says why."""


class Icarus:
    """Icarus Verilog."""

    environment: ClassVar[dict[str, str]] = {}
    wave_format = "fst"

    def __init__(self):
        if not (shutil.which("iverilog") and shutil.which("vvp")):
            raise RunError(
                "Icarus Verilog (iverilog) is not installed; install it (apt-get install iverilog) "
                "or simulate with Verilator"
            )
        self.version = _first_line("iverilog", "-V")
        self.runner = _runner("icarus")

    def product(self, top: str) -> str:
        """Name of the compiled model."""
        return "sim.vvp"

    def build_options(self, waves: bool) -> list[str]:
        """Arguments of the compiler."""
        return []

    def extra_sources(self, top: str, ports: Iterable[str], folder: Path) -> list[Path]:
        """Files to compile besides the accelerator."""
        return []

    def wave_options(self, path: Path) -> dict:
        """Arguments of the runner's ``test`` to record waves."""
        return {"plusargs": [f"+dumpfile_path={path}"]}


class Verilator:
    """Verilator, as :func:`find_verilator` finds it."""

    environment: ClassVar[dict[str, str]] = {
        # Compiling takes longer than most simulations: optimise the model a little only. The last
        # is missing in the makefile of the Python package, which breaks large models.
        "MAKEFLAGS": "OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-Os CFG_CXXFLAGS_PCH_I=-include"
    }

    def __init__(self):
        found = find_verilator()
        if found is None:
            raise RunError(
                f"Verilator is not installed; get it with: {GET_VERILATOR}; or simulate with Icarus"
            )
        if found.problem:
            raise RunError(found.problem)
        found.select(os.environ)
        self.version = f"Verilator {found.version}"
        self._compiler = shutil.which("g++") or shutil.which("clang++")
        if not (shutil.which("make") and self._compiler):
            raise RunError(
                "Verilator needs make and a C++ compiler; install them (apt-get install make g++) "
                "or simulate with Icarus"
            )
        self.wave_format = "fst" if self._compiles("#include <lz4.h>\n#include <zlib.h>") else "vcd"
        self.runner = _runner("verilator")

    def product(self, top: str) -> str:
        """Name of the compiled model."""
        return top

    def build_options(self, waves: bool) -> list[str]:
        """Arguments of the compiler."""
        # cocotb's runner makes every signal public, which forbids most optimisations.
        options = ["-Wno-fatal", "--no-public-flat-rw"]
        return [*options, "--trace-fst"] if waves and self.wave_format == "fst" else options

    def extra_sources(self, top: str, ports: Iterable[str], folder: Path) -> list[Path]:
        """A control file that makes the ports public, for the test bench."""
        lines = [f'public_flat_rw -module "{top}" -var "{port}"' for port in ports]
        path = folder / "ports.vlt"
        path.write_text("\n".join(["`verilator_config", *lines, ""]))
        return [path]

    def wave_options(self, path: Path) -> dict:
        """Arguments of the runner's ``test`` to record waves."""
        return {"test_args": ["--trace-file", str(path)]}

    def _compiles(self, text: str) -> bool:
        command = [self._compiler, "-x", "c++", "-fsyntax-only", "-"]
        result = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
        return result.returncode == 0


SIMULATORS = {"icarus": Icarus, "verilator": Verilator}


def first_error(log: Path) -> str:
    """First line of a log that speaks of an error, else the last line."""
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    lines = [line.strip() for line in lines if line.strip()] or ["no output"]
    errors = [line for line in lines if re.search(r"error\b", line, re.IGNORECASE)]
    return f"{errors[0] if errors else lines[-1]} (log: {log})"


def _runner(name: str):
    from cocotb_tools.runner import get_runner

    return get_runner(name)


def _first_line(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.partition("\n")[0].strip()
