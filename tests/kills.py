"""Kill every command that writes at random moments, then run it again: `make kill`.

A command is run to its end once, in a folder of its own. Then, in another, it is started and killed
(SIGKILL, its whole process group) after a random share of that time, so often as asked for; after
each kill a network file that is there must load. Last it is run to its end: it must succeed and
leave the files that the first run left and no others, those that hold no times or paths with the
same bytes.
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open

from bitrain.spec import load_network

EXAMPLES = Path(__file__).parents[1] / "examples"
COMMAND = [sys.executable, "-m", "bitrain"]
QUICK = {"epochs: ": 1, "images: ": 2, "lengths: ": "[4, 32]"}
"""What the examples are changed to."""


@dataclass(frozen=True)
class Command:
    """Arguments, in a folder that :func:`prepare` makes; what is written lies in its ``out``."""

    arguments: str
    out: str = "out"
    before: tuple[str, ...] = ()
    """Commands that make what it works on."""


NETWORK, IP = "net.npz", "ip"
GENERATE = f"generate {NETWORK} --out {IP} -P 2 -Q 2 --data digits --images 2"
AXI = f"{GENERATE} --interface axi --weights ram"
COMMANDS = {
    "run": Command("run run.yaml --out out"),
    "generate": Command(GENERATE, IP),
    "sequences": Command(f"sequences {NETWORK} --out out/found.npz --budget 300 --images 200"),
    "weights": Command(f"weights {IP} {NETWORK} --out out/weights.bin", before=(AXI,)),
    "simulate": Command(f"simulate {IP}", IP, before=(GENERATE,)),
    "synth": Command(f"synth {IP}", IP, before=(GENERATE,)),
    "prove": Command(f"prove {IP}", IP, before=(GENERATE,)),
    "build": Command(f"build {NETWORK} --board ulx3s --out out -P 1 -Q 1"),
    "recast": Command("recast net.safetensors --plan plan.yaml --out out"),
    "accuracy": Command("accuracy --config run.yaml --out out --seeds 0,1"),
    "ablate": Command("ablate --config run.yaml --out out"),
    "progressive": Command(f"progressive {NETWORK} --out out"),
    "sweep": Command("sweep --config run.yaml --grid L=4,8 --grid P=1,2 --out out"),
    "faults": Command(f"faults {NETWORK} --out out --images 20 --seeds 2 --rates 1e-3,1e-2"),
    "explore": Command(f"explore {NETWORK} --out out -P 1,2,4 -Q 1,2 --device ecp5-25k"),
    "arrays": Command(f"arrays {NETWORK} --out out --sizes 1x1x16,2x2x16"),
    "compare-arithmetic": Command(f"compare-arithmetic {NETWORK} --out out --neurons 1x1"),
    "pooled": Command("pooled --out out"),
    "search": Command("search run --config search.yaml --out out"),
}
UNEQUAL = re.compile(
    r"\.(json|log|pt|html|png|svg|pdf|vcd|fst|cmd|md)$|/sim_build/|/synth/|/\.lock$"
)
"""Files that hold times, paths (checkpoints too) or what a tool drew; their names must be there."""


def quick(text: str) -> str:
    """An example with fewer epochs, images and lengths."""
    for key, value in QUICK.items():
        text = re.sub(rf"({key})[^\s}},]+( *\]|(, \d+)+\])?", rf"\g<1>{value}", text)
    return text if "epochs" in text else f"{text}train: {{epochs: 2}}\nfinetune: {{epochs: 1}}\n"


def prepare(folder: Path, network: Path) -> None:
    """Inputs of all commands: a run's network and weights, and quick examples."""
    folder.mkdir(parents=True)
    for name, source in (("run", "digits"), ("plan", "recast/digits"), ("search", "search/digits")):
        text = (EXAMPLES / f"{source}.yaml").read_text()
        (folder / f"{name}.yaml").write_text(quick(text))
    shutil.copyfile(network / "network.npz", folder / NETWORK)
    shutil.copyfile(network / "model.safetensors", folder / "net.safetensors")


def start(arguments: str, folder: Path) -> subprocess.Popen:
    """In a process group of its own."""
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [*COMMAND, *arguments.split()],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def finish(arguments: str, folder: Path) -> float:
    """Seconds that it took; raises AssertionError with what it printed if it fails."""
    started = time.perf_counter()
    process = start(arguments, folder)
    status = process.wait()
    text = (folder / "log.txt").read_text(errors="replace")[-2000:]
    assert status == 0, f"{arguments}: exit status {status}\n{text}"
    return time.perf_counter() - started


def written(folder: Path) -> dict[str, bytes]:
    """Contents by name; without logs of TensorBoard, whose names hold times and processes."""
    files = [p for p in folder.rglob("*") if p.is_file() and "tfevents" not in p.name]
    return {str(p.relative_to(folder)): _content(p) for p in files}


def _content(path: Path) -> bytes:
    """The bytes; of weights in an order of their own, as safetensors draws that of metadata."""
    if path.suffix != ".safetensors":
        return path.read_bytes()
    with safe_open(path, "numpy") as file:
        tensors = [(name, file.get_tensor(name).tobytes()) for name in sorted(file.keys())]
        return repr((sorted(file.metadata().items()), tensors)).encode()


def check_whole(name: str, folder: Path) -> None:
    """Every network file that has its final name can be read."""
    for path in folder.rglob("*.npz"):
        if not path.name.startswith(".") and "network" in path.name:
            assert load_network(path), f"{name}: {path}"


def attempt(name: str, kills: int, out: Path, seed: int) -> str:
    """Run, kill and run again; what there is to say of it."""
    command = COMMANDS[name]
    rng, folders = random.Random(f"{seed} {name}"), [out / name / way for way in ("whole", "cut")]
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        prepare(folder, out / "network")
        (folder / "out").mkdir(exist_ok=True)
        for arguments in command.before:
            finish(arguments, folder)
    whole, cut = folders
    seconds = finish(command.arguments, whole)
    moments = []
    for _ in range(kills):
        process = start(command.arguments, cut)
        moments.append(rng.uniform(0.05, 1) * seconds)
        try:
            process.wait(moments[-1])
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        check_whole(name, cut)
    finish(command.arguments, cut)
    expected, found = (written(folder / command.out) for folder in folders)
    assert set(found) == set(expected), f"{name}: {sorted(set(found) ^ set(expected))[:5]}"
    unequal = [
        path
        for path, content in expected.items()
        if not UNEQUAL.search(f"/{path}") and found[path] != content
    ]
    assert not unequal, f"{name}: not the same: {unequal[:5]}"
    times = ", ".join(f"{moment:.1f}" for moment in moments)
    return f"{name}: {seconds:.1f} s, killed after {times} s: {len(expected)} files as without"


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Kill commands at random moments.")
    add = parser.add_argument
    add("commands", nargs="*", default=list(COMMANDS), help="which (all)")
    add("--kills", type=int, default=3, help="of each command (3)")
    add("--seed", type=int, default=0, help="which moments (0)")
    add("--out", type=Path, default=Path("build/kill"), help="output folder")
    args = parser.parse_args(arguments)
    out = args.out.resolve()
    network = out / "network"
    if not (network / "network.npz").is_file():
        network.mkdir(parents=True, exist_ok=True)
        (network / "run.yaml").write_text(quick((EXAMPLES / "digits.yaml").read_text()))
        finish("run run.yaml --out . --until export", network)
    failed = 0
    for name in args.commands:
        try:
            print(attempt(name, args.kills, out, args.seed), flush=True)
        except AssertionError as error:
            print(f"FAILED {error}", flush=True)
            failed += 1
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
