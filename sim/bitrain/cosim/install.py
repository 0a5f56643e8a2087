"""Write the stand-alone test bench of a network into an IP folder."""

import json
import shutil
from collections.abc import Sequence
from fractions import Fraction
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from bitrain import golden
from bitrain.accelerator import Engines
from bitrain.cost import WeightFeed, latency_fed, skipping_cycles
from bitrain.cost.cycles import IMAGE_OVERHEAD
from bitrain.host import num_beats, weight_beats, weight_files, write_weight_image
from bitrain.program import Program
from bitrain.spec import BitrainError, Layer, Network

from .manifest import describe_ports, describe_registers, describe_state, pixel_bits

_SOURCES = Path(__file__).parent / "testbench"
MANIFEST_FORMAT = 6
MOST_PAUSE = 64
"""Cycles a beat of the slowest weights that the test bench tries."""


def write_testbench(
    ip_dir: Path, engines: Engines, images: np.ndarray, *, top: str | None = None
) -> None:
    """Write ``ip_dir/tb``: test bench, manifest and golden vectors of ``images``.

    images: integers in [0, 2^n], (K, channels, height, width). ``top``: the Verilog module, which
    is ``ip_dir/rtl/<top>.v``; by default the only one there. The same arguments give the same
    bytes; an older ``tb`` is replaced as a whole.
    """
    ip_dir, network = Path(ip_dir), engines.network
    modules = [path.stem for path in sorted((ip_dir / "rtl").glob("*.v"))]
    if top not in modules and not (top is None and len(modules) == 1):
        raise BitrainError(
            f"{ip_dir}: rtl/ holds {', '.join(modules) or 'no Verilog'}, expected "
            f"{top or 'one module'}; `bitrain generate` writes it"
        )
    top = top or modules[0]
    if not len(images):
        raise BitrainError("test bench: no images given, expected at least one")
    expected = {
        f"length{length}": _run(engines, prefix, length, images)
        for length, prefix in engines.prefixes.items()
    }
    answers = {length: expected[f"length{length}"] for length in engines.prefixes}
    exits = engines.programs[0].exits
    runs = _runs_of_images(exits, answers)
    cycles, intervals = _at_full_rate(engines, answers, runs)
    most_cycles, _ = _at_full_rate(engines, answers, [[engines.longest]] * len(images), most=True)
    manifest = {
        "format": MANIFEST_FORMAT,
        "network": network.name,
        "top": top,
        "sources": [f"rtl/{top}.v"],
        "ports": describe_ports(engines),
        "registers": describe_registers(engines) if engines.config.interface.is_axi else None,
        "state": describe_state((ip_dir / "rtl" / f"{top}.v").read_text(encoding="utf-8")),
        "weights": f"weights/{top}.bin" if engines.weights_writable else None,
        "early_termination": engines.early_termination,
        "exits": {str(length): margin for length, margin in exits.items()},
        "memories": [f"rom/{path.name}" for path in sorted((ip_dir / "rom").glob("*.mem"))],
        "activation_bits": engines.activation_bits,
        "score_bits": engines.score_bits,
        "layers": [
            {
                "name": layer.name,
                "shape": list(layer.out_shape),
                "out_base": base,
                "phase": before % engines.array.width,
            }
            for program in engines.programs
            for layer, base, before in zip(
                program.network.layers, program.out_bases, program.channels_before, strict=True
            )
        ],
        "width": engines.array.width,
        "pixel_bits": pixel_bits(engines),
        "engines": [len(each.network.layers) for each in engines.programs],
        "weight_streams": [
            {"file": f"weights/{file_name}", "bits": program.weight_beat, **_digest(program)}
            for file_name, program in weight_files(engines, top)
        ],
        "runs": _run_cycles(engines, answers),
        "limited": _limited(engines, answers, runs),
        "full_rate": {"cycles": cycles, "intervals": intervals, "most_cycles": most_cycles},
        "images": len(images),
        "lengths": [
            {"length": length, "predicted_cycles": cost.latency}
            for length, cost in engines.prefix_costs.items()
        ],
    }
    for left in ip_dir.glob(".tb-*"):  # by a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    with TemporaryDirectory(dir=ip_dir, prefix=".tb-") as folder:
        new = Path(folder) / "tb"
        shutil.copytree(_SOURCES, new, ignore=shutil.ignore_patterns("__pycache__"))
        (new / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        (new / "vectors").mkdir()
        np.save(new / "vectors" / "images.npy", images.astype(np.uint32))
        for name, answers in expected.items():
            _write_expected(new / "vectors" / name, answers)
        if engines.weights_writable:
            other = _another_training(network)
            answers = _run(engines, other, engines.longest, images)
            _write_expected(new / "vectors" / "other", answers)
            write_weight_image(
                engines.programs[0], other, new / "vectors" / "other" / "weights.bin"
            )
        old = ip_dir / "tb"
        if old.exists():
            old.replace(Path(folder) / "old")
        new.replace(old)


class _Answers(NamedTuple):
    """What golden and the cost model say of some images."""

    outputs: list[np.ndarray]
    """As of ``golden.run``."""
    engines: list[list[int]]
    """Cycles of each engine, image by image."""
    cycles: list[int]
    """Cycles of each image, with no other on the way."""
    zero: list[list[np.ndarray]]
    """Where zeros are skipped, the zero chunks of the layers of each engine."""

    def zero_of(self, engine: int, image: int) -> list[np.ndarray] | None:
        """Those of an image."""
        return [layer[image] for layer in self.zero[engine]] if self.zero else None


def _run(engines: Engines, network: Network, length: int, images: np.ndarray) -> _Answers:
    """What the accelerator gives when it runs ``network`` at stream length ``length``."""
    array, cost = engines.array, engines.prefix_costs[length]
    outputs = golden.run_shorter(engines.network, network, images, array.arithmetic)
    skipping = engines.config.skip_zeros
    zero = {
        each: golden.zero_chunks(network, each, images, outputs)
        for each in engines.config.arrays * skipping
    }
    programs = engines.programs
    if not engines.are_several:
        programs = (programs[0].prefix_programs[length],)
    taken, chunks, begin = [], [], 0
    for program, part in zip(programs, cost.parts, strict=True):
        end = begin + len(program.network.layers)
        if zero:
            chunks.append(zero[program.array][begin:end])
        if zero and program.weights_streamed:
            images_chunks = zip(*chunks[-1], strict=True)
            taken.append(
                [latency_fed([program], WeightFeed(program), 0, [own]) for own in images_chunks]
            )
        elif zero:
            cycles = skipping_cycles(program, chunks[-1]).sum(0)
            taken.append((cycles + part.judge_cycles + IMAGE_OVERHEAD).tolist())
        else:
            taken.append([part.latency] * len(images))
        begin = end
    cycles = [cost.between_cycles + sum(each) for each in zip(*taken, strict=True)]
    return _Answers(outputs, taken, cycles, chunks)


def _runs_of_images(exits: dict[int, int], answers: dict[int, _Answers]) -> list[list[int]]:
    """Lengths at which each image is run after reset, in turn."""
    longest, found = max(answers), []
    for image in range(len(answers[longest].cycles)):
        taken = []
        for length, margin in sorted(exits.items()):
            taken.append(length)
            scores = np.sort(answers[length].outputs[-1][image], axis=None)
            if len(scores) < 2 or scores[-1] - scores[-2] >= margin:
                break
        else:
            taken.append(longest)
        found.append(taken)
    return found


def _at_full_rate(
    engines: Engines,
    answers: dict[int, _Answers],
    runs: list[list[int]],
    *,
    rate: Fraction | int = 1,
    most: bool = False,
) -> tuple[list[int], list[int]]:
    """As ``EnginesCost.at_full_rate``, of images that run at some lengths.

    rate: beats a cycle of streamed weights; most: if no zeros are skipped.
    """
    feeds = [WeightFeed(program, rate) for program in engines.programs if program.weights_streamed]

    def cycles(engine: int, image: int, taken: int) -> int:
        lengths = runs[image]
        if not feeds:
            own = engines.cost.parts[engine].latency
            return own if most else sum(answers[each].engines[engine][image] for each in lengths)
        zero = [None if most else answers[each].zero_of(engine, image) for each in lengths]
        return latency_fed(_programs(engines, engine, lengths), feeds[engine], taken, zero)

    return engines.cost.at_full_rate(len(runs), cycles)


def _programs(engines: Engines, engine: int, lengths: Sequence[int]) -> list[Program]:
    """Those of an engine's runs."""
    if engines.are_several:
        return [engines.programs[engine]]
    return [engines.programs[0].prefix_programs[length] for length in lengths]


def _run_cycles(engines: Engines, answers: dict[int, _Answers]) -> list[dict[str, list[int]]]:
    """Where weights are streamed, cycles of each image at each choice of lengths, by itself.

    A later run begins with what has come of its weights while the one before ended.
    """
    if not (engines.weights_streamed and engines.early_termination):
        return []
    *shorter, longest = sorted(answers)
    chosen = [
        list(lengths)
        for count in range(2, len(answers) + 1)
        for lengths in combinations((*shorter, longest), count)
    ]
    return [
        {"lengths": lengths, "cycles": _cycles_alone(engines, answers, lengths)}
        for lengths in chosen
    ]


def _cycles_alone(engines: Engines, answers: dict[int, _Answers], lengths: list[int]) -> list[int]:
    """Cycles of each image that finds a full buffer."""
    found, programs = [], _programs(engines, 0, lengths)
    for image in range(len(answers[lengths[0]].cycles)):
        if found and not engines.config.skip_zeros:
            return found * len(answers[lengths[0]].cycles)
        zero = [answers[length].zero_of(0, image) for length in lengths]
        found.append(latency_fed(programs, WeightFeed(programs[0]), 0, zero))
    return found


def _digest(program: Program) -> dict[str, Any]:
    """What tells the beats of a run from others."""
    beats = weight_beats(program)
    return {"beats": len(beats), "sha256": sha256(beats.tobytes()).hexdigest()}


def _limited(
    engines: Engines, answers: dict[int, _Answers], runs: list[list[int]]
) -> dict[str, list[int]] | None:
    """A rate of streamed weights of half of what the engines need, and what images take then."""
    if not engines.weights_streamed:
        return None
    shortest = min(engines.prefixes)
    cost = engines.prefix_costs[shortest]
    needs = (
        Fraction(num_beats(program), part.latency)
        for program, part in zip(engines.programs, cost.parts, strict=True)
    )
    rate = min(Fraction(1), max(needs) / 2).limit_denominator(MOST_PAUSE)
    rate = max(rate, Fraction(1, MOST_PAUSE))
    cycles, _ = _at_full_rate(engines, answers, runs, rate=rate)
    return {"rate": [rate.numerator, rate.denominator], "cycles": cycles}


def _write_expected(folder: Path, answers: _Answers) -> None:
    folder.mkdir()
    for i, stored in enumerate(answers.outputs[:-1]):
        np.save(folder / f"layer{i}.npy", stored.astype(np.uint32))
    np.save(folder / "scores.npy", answers.outputs[-1].astype(np.int32))
    np.save(folder / "cycles.npy", np.array(answers.cycles, np.uint32))


def _another_training(network: Network) -> Network:
    """A network of the same layer program: every window turned, channels in reverse order."""
    layers = [
        Layer.model_validate(
            dict(layer)
            | {
                "weight": layer.weight[::-1, ::-1, ::-1, ::-1],
                "bias": layer.bias[::-1],
                "upscale": layer.upscale[::-1],
            }
        )
        for layer in network.layers
    ]
    return Network.model_validate(dict(network) | {"layers": tuple(layers)})
