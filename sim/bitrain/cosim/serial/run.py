"""``python -m bitrain.cosim.serial.run FOLDER``: build and simulate what ``job.json`` there says.

The exit status is 2, with one line of error, if the simulation could not be run to its end.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from ..testbench.simulation import OBEYED, TIMESCALE
from ..testbench.simulators import SIMULATORS, RunError, first_error

PORTS = ("clk", "rx", "tx", "busy")


def main() -> int:
    """Command line; returns the exit status."""
    folder = Path(sys.argv[1])
    try:
        _run(folder, json.loads((folder / "job.json").read_text()))
    except (RunError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _run(folder: Path, job: dict) -> None:
    for variable in OBEYED:
        os.environ.pop(variable, None)
    simulator, top = SIMULATORS[job["simulator"]](), job["top"]
    for memory in map(Path, job["memories"]):
        shutil.copyfile(memory, folder / memory.name)  # the Verilog gives bare names
    os.environ.update(simulator.environment)
    try:
        simulator.runner.build(
            sources=[*job["sources"], *simulator.extra_sources(top, PORTS, folder)],
            hdl_toplevel=top,
            build_args=simulator.build_options(waves=False),
            build_dir=folder / "model",
            timescale=TIMESCALE,
            log_file=folder / "build.log",
        )
        simulator.runner.test(
            test_module="bitrain.cosim.serial.scenarios",
            hdl_toplevel=top,
            hdl_toplevel_lang="verilog",
            build_dir=folder / "model",
            test_dir=folder,
            results_xml=str(folder / "results.xml"),
            log_file=folder / "sim.log",
            extra_env={"SERIAL_JOB": str(folder)},
        )
        findings = json.loads((folder / "findings.json").read_text())
    except (OSError, ValueError, RuntimeError, SystemExit) as error:
        logs = [folder / name for name in ("sim.log", "build.log")]
        log = next((log for log in logs if log.is_file()), logs[-1])
        raise RunError(f"the simulation ended early: {first_error(log)}") from error
    findings["simulator_version"] = simulator.version
    (folder / "findings.json").write_text(json.dumps(findings, indent=1))


if __name__ == "__main__":
    sys.exit(main())
