"""One simulation from sources to results: build the model, run the scenarios, collect findings."""

import importlib.metadata
import importlib.util
import json
import os
import shutil
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from .simulators import SIMULATORS, Icarus, RunError, Verilator, first_error

TB = Path(__file__).resolve().parent
IP = TB.parent
SCENARIOS: dict[str, tuple[str, ...]] = {"scenarios": ("full_rate", "stalled", "reset")}
"""By module, in every test bench."""
WEIGHT_PARTS = ("in_use", "loaded", "after_reset", "restored")
"""Of the scenario of weights that can be loaded."""
FEED_SCENARIOS = ("feed_paused", "feed_broken", "feed_limited")
"""Of weights that come on a stream."""
LADDER_TRIALS = 6
"""Images of the scenario of early termination."""
MARGIN_BITS = 31
"""Of early termination, in its register."""
TIMESCALE = ("1ns", "1ps")
OBEYED = ("WAVES", "GUI", "PYTEST_CURRENT_TEST", "COCOTB_RESOLVE_X", "COCOTB_TEST_FILTER")
"""Environment variables that cocotb would obey, whatever this test bench asks of it."""

__all__ = ["RunError", "run"]


def run(
    name: str,
    *,
    images: int | None,
    seed: int,
    waves: bool,
    out: Path,
    ladder: str | None = None,
) -> dict:
    """Build (unless built before) and simulate; what is in ``out/results.json`` at the end.

    ladder: margins of early termination by length, ``4=10,8=7``, with which the scenario of this
    name runs all images; by default it draws a few of both.
    Only one run at a time may write to ``out``. Raises :class:`RunError` where the accelerator
    could not be simulated to the end; deviations are findings, not errors.
    """
    manifest = load_manifest(TB / "manifest.json")
    held = manifest["images"]
    num_images = held if images is None else images
    if not 1 <= num_images <= held:
        raise RunError(f"{num_images} images asked for; the test bench has vectors of {held}")
    is_axi = manifest["ports"]["streams"] == "axi"
    expected = _scenarios(manifest, num_images if ladder is not None else LADDER_TRIALS)
    margins = parse_ladder(ladder, manifest)
    requirements = [("cocotb", "cocotb>=2.1"), ("numpy", "numpy")]
    requirements += [("cocotbext.axi", "cocotbext-axi")] if is_axi else []
    for module, needed in requirements:
        if not _is_installed(module):
            raise RunError(f"{module} is not installed; pip install '{needed}'")
    for variable in OBEYED:
        os.environ.pop(variable, None)
    simulator = SIMULATORS[name]()
    out.mkdir(parents=True, exist_ok=True)
    findings, results, log = out / "findings.json", out / "results.json", out / "sim.log"
    for stale in (findings, results, log):
        stale.unlink(missing_ok=True)
    for memory in manifest["memories"]:
        shutil.copyfile(IP / memory, out / Path(memory).name)  # the Verilog gives bare names
    model = build(simulator, manifest, waves, out)
    wave_file = out / f"waves.{simulator.wave_format}"
    try:
        simulator.runner.test(
            test_module=[f"{TB.name}.{module}" for module in expected],
            hdl_toplevel=manifest["top"],
            hdl_toplevel_lang="verilog",
            build_dir=model,
            test_dir=out,
            results_xml=str(out / "results.xml"),
            log_file=log,
            waves=waves,
            extra_env={
                "TB_IMAGES": str(num_images),
                "TB_SEED": str(seed),
                "TB_FINDINGS": str(findings),
                "TB_LADDER": json.dumps(margins),
            },
            **simulator.wave_options(wave_file) if waves else {},
        )
        scenarios = json.loads(findings.read_text())
    except (OSError, ValueError, RuntimeError, SystemExit) as error:
        raise RunError(f"the simulation ended early: {first_error(log)}") from error
    names = [name for module in expected.values() for name in module]
    if missing := [name for name in names if name not in scenarios]:
        raise RunError(f"scenario {missing[0]} did not end: {first_error(log)}")
    content = {
        "simulator": name,
        "simulator_version": simulator.version,
        "images": num_images,
        "seed": seed,
        "predicted_cycles": manifest["full_rate"]["cycles"][0],
        "most_cycles": manifest["full_rate"]["most_cycles"][:num_images],
        "scenarios": scenarios,
        "log": str(log),
        "waves": str(wave_file) if waves else None,
    }
    temporary = out / ".results.json.tmp"
    temporary.write_text(json.dumps(content, indent=1))
    temporary.replace(results)
    return content


def parse_ladder(text: str | None, manifest: dict) -> dict[int, int] | None:
    """Margins by length; :class:`RunError` if they are no such thing."""
    if text is None:
        return None
    lengths = [entry["length"] for entry in manifest["lengths"][1:]]
    if not manifest["early_termination"]:
        raise RunError("this accelerator has no early termination; generate it with the option")
    if not manifest["registers"]:
        raise RunError("the exits of this accelerator are fixed: it has no registers for margins")
    try:
        pairs = [(int(a), int(b)) for a, b in (part.split("=") for part in text.split(","))]
        margins = dict(pairs)
        each_once = len(margins) == len(pairs)
        if each_once and all(a in lengths and 0 <= b < 1 << MARGIN_BITS for a, b in pairs):
            return margins
    except ValueError:
        pass
    raise RunError(
        f"ladder {text!r}: expected LENGTH=MARGIN, …, with lengths among {lengths}, each once, and "
        f"margins of 0 … 2^{MARGIN_BITS} - 1"
    )


def _scenarios(manifest: dict, ladder_trials: int) -> dict[str, tuple[str, ...]]:
    """Names of what must be found, by the module that finds it."""
    expected = dict(SCENARIOS)
    if manifest["ports"]["streams"] == "axi":
        expected["axi_scenarios"] = ("registers", "frames")
    if manifest["weights"]:
        expected["weight_scenarios"] = tuple(f"weights_{part}" for part in WEIGHT_PARTS)
    if manifest["weight_streams"]:
        expected["feed_scenarios"] = FEED_SCENARIOS
        if manifest["ports"]["streams"] == "axi":
            expected["axi_feed_scenarios"] = ("feed_modelled",)
    if manifest["early_termination"] and manifest["registers"]:
        expected["ladder_scenarios"] = tuple(f"ladder{trial}" for trial in range(ladder_trials))
    chosen = manifest["registers"] or "log_length" in manifest["ports"]["names"]
    if len(lengths := manifest["lengths"]) > 1 and chosen:
        expected["length_scenarios"] = tuple(f"length{entry['length']}" for entry in lengths)
    return expected


def load_manifest(path: Path) -> dict:
    """The manifest, all of whose files are there."""
    try:
        manifest = json.loads(path.read_text())
        needed = [*manifest["sources"], *manifest["memories"]]
        needed += [stream["file"] for stream in manifest["weight_streams"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} cannot be read; generate the IP package again") from error
    for name in needed:
        if not (IP / name).is_file():
            raise RunError(f"{IP / name} is missing; generate the IP package again")
    for stream in manifest["weight_streams"]:
        _check_beats(IP / stream["file"], stream)
    return manifest


def _check_beats(path: Path, stream: dict) -> None:
    """:class:`RunError` unless a weight stream's file is the one that goes with the package."""
    octets, size = path.read_bytes(), stream["beats"] * stream["bits"] // 8
    if sha256(octets).hexdigest() == stream["sha256"]:
        return
    what = f"{len(octets):,} bytes" if len(octets) != size else "other weights"
    raise RunError(
        f"{path} has {what}, not the {stream['beats']:,} beats of {stream['bits']} bits that go "
        "with its network; write it again with `bitrain weights`, or generate the IP package again"
    )


def build(simulator: Icarus | Verilator, manifest: dict, waves: bool, out: Path) -> Path:
    """Folder of the compiled model; compiles only if the Verilog or the tools have changed.

    The contents of memories are read when the simulation starts and need no new model.
    """
    top, sources = manifest["top"], [IP / source for source in manifest["sources"]]
    described = manifest["ports"]
    ports = [*described["names"].values(), *described["bus_inputs"], *described["bus_outputs"]]
    ports += [name for trace in described["traces"] for name in trace.values()]
    ports += [name for stream in described["weights"] for name in stream.values()]
    options = simulator.build_options(waves)
    tools = (simulator.version, importlib.metadata.version("cocotb"), sys.prefix)
    key = sha256(repr((tools, top, waves, TIMESCALE, options, simulator.environment)).encode())
    for source in sources:
        key.update(source.read_bytes())
    model, product = out / f"model-{key.hexdigest()[:16]}", simulator.product(top)
    if not (model / product).is_file():
        log = out / "build.log"
        os.environ.update(simulator.environment)
        for left in out.glob("build-*"):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        spaced = any(" " in str(path) for path in (out, *sources))  # make cannot name such files
        with TemporaryDirectory(dir=None if spaced else out, prefix="build-") as folder:
            if spaced:
                sources = [Path(shutil.copy(source, folder)) for source in sources]
            try:
                simulator.runner.build(
                    sources=[*sources, *simulator.extra_sources(top, ports, Path(folder))],
                    hdl_toplevel=top,
                    build_args=options,
                    build_dir=folder,
                    waves=waves,
                    timescale=TIMESCALE,
                    log_file=log,
                )
            except (RuntimeError, SystemExit) as error:
                raise RunError(f"{simulator.version} cannot build: {first_error(log)}") from error
            model.mkdir(exist_ok=True)
            shutil.move(Path(folder) / product, model / "unfinished")
            (model / "unfinished").replace(model / product)
    return model


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package around it
        return False
