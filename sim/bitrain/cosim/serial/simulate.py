"""Simulate an accelerator behind its serial line and compare its replies with the golden model."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from bitrain import golden
from bitrain.cost import estimate
from bitrain.host import SerialLink
from bitrain.program import Array, Program
from bitrain.spec import BitrainError, Network

from ..simulate import Simulator, error_of


@dataclass(frozen=True, kw_only=True)
class SerialReport:
    """What came out of a simulation at the pins."""

    images: int
    """Images that were answered, those after a disturbance included."""
    values_compared: int
    """Scores, class indices and cycle counts."""
    problems: tuple[str, ...]
    """Everything that deviates, a line each."""
    simulator_version: str
    seconds: float
    """Wall time, compilation included."""
    log: Path

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return not self.problems


def simulate_serial(
    directory: Path,
    network: Network,
    array: Array,
    images: np.ndarray,
    *,
    top: str,
    divisor: int,
    gap_cycles: int,
    simulator: Simulator = "verilator",
    seed: int = 0,
) -> SerialReport:
    """Send ``images`` over the line of ``directory``'s module ``top``; then disturb the line.

    images: integers in [0, 2^n], (K, channels, height, width). ``divisor``, ``gap_cycles``: of the
    module. ``seed`` chooses disturbances and the host's clock error. Works in
    ``directory/sim_serial/<simulator>``. Raises :class:`BitrainError` where the simulation cannot
    be run to its end.
    """
    out = Path(directory) / "sim_serial" / simulator
    out.mkdir(parents=True, exist_ok=True)
    scores = golden.run(network, images, array.arithmetic)[-1].reshape(len(images), -1)
    program = Program(network, array)
    job = {
        "top": top,
        "sources": [str(path.resolve()) for path in sorted((directory / "rtl").glob("*.v"))],
        "memories": [str(path.resolve()) for path in sorted((directory / "rom").glob("*.mem"))],
        "link": asdict(SerialLink.of(network, program.score_bits)),
        "divisor": divisor,
        "gap_cycles": gap_cycles,
        "simulator": simulator,
        "seed": seed,
        "cycles": estimate(program).latency,
        "images": images.reshape(len(images), -1).tolist(),
        "scores": scores.tolist(),
    }
    (out / "job.json").write_text(json.dumps(job))
    (out / "findings.json").unlink(missing_ok=True)
    started = perf_counter()
    process = subprocess.run(
        [sys.executable, "-m", "bitrain.cosim.serial.run", str(out.resolve())],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    if process.returncode:
        raise BitrainError(f"{directory}: {error_of(process.stderr)}")
    findings = json.loads((out / "findings.json").read_text())
    return SerialReport(
        images=findings["images"],
        values_compared=findings["values_compared"],
        problems=tuple(findings["problems"]),
        simulator_version=findings["simulator_version"],
        seconds=perf_counter() - started,
        log=out / "sim.log",
    )
