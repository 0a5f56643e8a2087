"""Write the stand-alone test bench of a network into an IP folder."""

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Unpack

import numpy as np

from bitrain import golden
from bitrain.accelerator import Interface, Pipeline, compile_network
from bitrain.cost import estimate, skipping_cycles
from bitrain.cost.cost import IMAGE_OVERHEAD
from bitrain.host import write_weight_image
from bitrain.program import Array, Options, Program
from bitrain.spec import BitrainError, Layer, Network

from .manifest import describe_ports, describe_registers

_SOURCES = Path(__file__).parent / "testbench"
MANIFEST_FORMAT = 3


def write_testbench(
    ip_dir: Path,
    network: Network,
    array: Array,
    images: np.ndarray,
    *,
    top: str | None = None,
    interface: Interface | None = None,
    engines: int = 1,
    **options: Unpack[Options],
) -> None:
    """Write ``ip_dir/tb``: test bench, manifest and golden vectors of ``images``.

    images: integers in [0, 2^n], (K, channels, height, width). ``top``: the Verilog module, which
    is ``ip_dir/rtl/<top>.v``; by default the only one there. ``interface``: its ports, raw streams
    by default. ``engines``: in which it runs the layers; ``options``: the others that it was
    generated with. The same arguments give the same bytes; an older ``tb`` is replaced as a whole.
    """
    interface = interface or Interface()
    ip_dir = Path(ip_dir)
    modules = [path.stem for path in sorted((ip_dir / "rtl").glob("*.v"))]
    if top not in modules and not (top is None and len(modules) == 1):
        raise BitrainError(
            f"{ip_dir}: rtl/ holds {', '.join(modules) or 'no Verilog'}, expected "
            f"{top or 'one module'}; `bitrain generate` writes it"
        )
    top = top or modules[0]
    if not len(images):
        raise BitrainError("test bench: no images given, expected at least one")
    program = compile_network(network, array, engines=engines, **options)
    prefixes = program.prefixes.items()
    expected = {f"length{length}": _run(program, prefix, images) for length, prefix in prefixes}
    if isinstance(program, Pipeline):
        programs, costs = program.programs, {program.longest: program.cost}
        own = expected[f"length{program.longest}"].engines
        cycles, intervals = program.cost.at_full_rate(len(images), own)
    else:
        programs = (program,)
        costs = {
            length: estimate(prefix, array, **options)
            for length, prefix in program.prefixes.items()
        }
        cost = costs[program.longest]
        cycles = expected[f"length{program.longest}"].cycles
        intervals = [cost.image_cycles - cost.cycles + taken for taken in cycles[:-1]]
    manifest = {
        "format": MANIFEST_FORMAT,
        "network": network.name,
        "top": top,
        "sources": [f"rtl/{top}.v"],
        "ports": describe_ports(program, interface),
        "registers": describe_registers(program) if interface.is_axi else None,
        "weights": f"weights/{top}.bin" if program.loadable else None,
        "early_termination": program.early_termination,
        "memories": [f"rom/{path.name}" for path in sorted((ip_dir / "rom").glob("*.mem"))],
        "activation_bits": program.activation_bits,
        "score_bits": program.score_bits,
        "layers": [
            {"name": layer.name, "shape": list(layer.out_shape), "out_base": base}
            for layer, base in zip(
                network.layers, (base for x in programs for base in x.out_bases), strict=True
            )
        ],
        "engines": [len(each.network.layers) for each in programs],
        "full_rate": {"cycles": cycles, "intervals": intervals},
        "images": len(images),
        "lengths": [
            {"length": length, "predicted_cycles": cost.cycles} for length, cost in costs.items()
        ],
    }
    with TemporaryDirectory(dir=ip_dir, prefix=".tb-") as folder:
        new = Path(folder) / "tb"
        shutil.copytree(_SOURCES, new, ignore=shutil.ignore_patterns("__pycache__"))
        (new / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        (new / "vectors").mkdir()
        np.save(new / "vectors" / "images.npy", images.astype(np.uint32))
        for name, answers in expected.items():
            _write_expected(new / "vectors" / name, answers)
        if isinstance(program, Program) and program.loadable:
            other = _another_training(network)
            _write_expected(new / "vectors" / "other", _run(program, other, images))
            write_weight_image(program, other, new / "vectors" / "other" / "weights.bin")
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
    """Of each image, with no other on the way."""


def _run(program: Program | Pipeline, network: Network, images: np.ndarray) -> _Answers:
    """Of the accelerator of ``program`` when it runs ``network``."""
    array = program.array
    outputs = golden.run(network, images, array.arithmetic)
    zero = golden.zero_chunks(network, array, images, outputs) if program.skip_zeros else None
    if isinstance(program, Pipeline):
        programs, between = program.programs, program.cost.between_cycles
    else:
        programs, between = (Program(network, array, **program.options),), 0
    engines, begin = [], 0
    for each in programs:
        end = begin + len(each.network.layers)
        if zero:
            cycles = skipping_cycles(each, zero[begin:end]).sum(0) + IMAGE_OVERHEAD
            engines.append(cycles.tolist())
        else:
            cost = estimate(each.network, array, **program.options)
            engines.append([cost.cycles] * len(images))
        begin = end
    cycles = [between + sum(taken) for taken in zip(*engines, strict=True)]
    return _Answers(outputs, engines, cycles)


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
