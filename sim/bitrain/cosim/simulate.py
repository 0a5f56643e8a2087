"""Simulate an IP package with its own test bench, in a process of its own."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Literal

from bitrain.spec import BitrainError

from .testbench.checker import Mismatch, Place

Simulator = Literal["verilator", "icarus"]


@dataclass(frozen=True, kw_only=True)
class SimulationReport:
    """What came out of a simulation, all scenarios together."""

    images: int
    """Images run at full rate; the scenarios with pauses and with a reset run a few more."""
    values_compared: int
    """Activations, scores and class indices."""
    mismatches: int
    first_mismatch: Mismatch | None
    problems: tuple[str, ...]
    """Everything that deviates, a line each: mismatches, breaches of the port contract, cycles."""
    cycles: tuple[int | None, ...]
    """What the cycle counter showed for each image at full rate; None for one without scores."""
    predicted_cycles: int
    """Cycles of the first image at full rate."""
    most_cycles: tuple[int, ...]
    """Cycles of each image at full rate at full length, if no zeros are skipped."""
    ladder_cycles: tuple[int | None, ...]
    """Cycles of images with early termination, where the accelerator has it."""
    clock_cycles: int
    """Simulated clock cycles."""
    simulator: Simulator
    simulator_version: str
    seconds: float
    """Wall time, compilation included."""
    log: Path
    waves: Path | None
    """The recorded waves, FST or VCD."""

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return not self.problems


def simulate(
    ip_dir: Path,
    *,
    images: int | None = None,
    simulator: Simulator = "verilator",
    seed: int = 0,
    waves: bool = False,
    out: Path | None = None,
    ladder: str | None = None,
) -> SimulationReport:
    """Run the test bench in ``ip_dir/tb``: the first ``images`` of its vectors, or all of them.

    ``seed`` chooses pauses and the moment of a reset. ``out`` takes compiled models, logs, results
    and waves; by default ``ip_dir/sim_build/<simulator>``. ``ladder``: margins of early termination
    by length, ``4=10,8=7``, with which all images run besides; else some run with any. A model is
    compiled anew only if the Verilog or the tools have changed.

    Raises :class:`BitrainError` where the simulation cannot be run to its end: no or a broken
    package, no simulator, Verilog that does not compile, more images than there are vectors.
    """
    ip_dir = Path(ip_dir)
    script = ip_dir / "tb" / "run.py"
    if not script.is_file():
        raise BitrainError(
            f"{ip_dir}: no IP package with a test bench (tb/run.py is missing); "
            "`bitrain generate` writes one"
        )
    out = out or ip_dir / "sim_build" / simulator
    command = [sys.executable, str(script), "--simulator", simulator, "--seed", str(seed)]
    command += ["--out", str(out)]
    command += [] if images is None else ["--images", str(images)]
    command += ["--waves"] if waves else []
    command += ["--ladder", ladder] if ladder else []
    started = perf_counter()
    process = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    seconds = perf_counter() - started
    if process.returncode not in (0, 1) or not (out / "results.json").is_file():
        raise BitrainError(f"{ip_dir}: {error_of(process.stderr)}")
    return _report(json.loads((out / "results.json").read_text()), seconds)


def error_of(stderr: str) -> str:
    """What a test bench says of its error, else its last line."""
    lines = stderr.strip().splitlines() or ["no message"]
    told = next((line for line in lines if line.startswith("error: ")), lines[-1])
    return told.removeprefix("error: ")


def _report(results: dict, seconds: float) -> SimulationReport:
    scenarios = results["scenarios"]
    found = list(scenarios.values())
    firsts = [f["first_mismatch"] for f in found if f["first_mismatch"]]
    return SimulationReport(
        images=results["images"],
        values_compared=sum(f["values_compared"] for f in found),
        mismatches=sum(f["mismatches"] for f in found),
        first_mismatch=(
            Mismatch(**{**firsts[0], "place": Place(**firsts[0]["place"])}) if firsts else None
        ),
        problems=tuple(
            f"{name}: {line}" for name, f in scenarios.items() for line in f["problems"]
        ),
        cycles=tuple(scenarios["full_rate"]["cycles"]),
        predicted_cycles=results["predicted_cycles"],
        most_cycles=tuple(results["most_cycles"]),
        ladder_cycles=tuple(
            f["cycles"][0] for name, f in scenarios.items() if name.startswith("ladder")
        ),
        clock_cycles=sum(f["clock_cycles"] for f in found),
        simulator=results["simulator"],
        simulator_version=results["simulator_version"],
        seconds=seconds,
        log=Path(results["log"]),
        waves=Path(results["waves"]) if results["waves"] else None,
    )
