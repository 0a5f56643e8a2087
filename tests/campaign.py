"""Random networks on random arrays, golden model against simulated RTL: `make campaign SEEDS=50`.

A seed stands for a network of any layers that the contract allows (strategies.py), its images, an
array, the pauses of both streams, and a simulator: Verilator for every tenth seed and for AXI, as
it compiles for long. Every seventh array has integers, bit-serial and binary ones in turn, every
seventh network has OR groups; of the others every third skips zeros, if the network can, and its
second image has few pixels. Many have AXI, a length chosen at run time, early termination or
weights in RAM, where these go together. Each network is made to live (liveness.py), so that a fault
in any layer shows. `make campaign SEEDS=1 FIRST=37` runs seed 37 alone. Every stored value, every
score and every cycle count must be as predicted, and every layer must live. The exit status is 1 if
one is not; the IP folder of such a seed is kept. At the end stands what the seeds have seen
(seen.py).
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from liveness import enlivened, liveness
from networks import random_images, worded
from seen import Seen
from strategies import networks

from bitrain.accelerator import compile_network
from bitrain.accelerator.engines import cuts
from bitrain.cosim import Simulator, simulate, write_testbench
from bitrain.cost import estimate
from bitrain.gen.ip.package import generate_ip
from bitrain.program import AcceleratorConfig, Array, Program, Sharing
from bitrain.spec import BitrainError, Network, save_network

MAX_LAYERS = 5
MAX_CYCLES = 2_000
"""Of an image: what either simulator does in seconds."""
DRAWN, MANY_LAYERS = 24, 3
"""Networks drawn for a seed; of those with many layers that live, the one of most cycles counts."""
NUM_IMAGES = 2
FEW_PIXELS = 0.1
WORDS: tuple[tuple[Any, Any], ...] = ((1, 1), (4, 1), (2, 2), (4, 2), (4, 4), (8, 4), (8, 8))
"""Inputs of a word and width of the engine, as they are drawn."""
ALONG = (None, "channels", "columns")
OR_LANES = 2, 4, 8
"""Of networks that have OR groups, in turn."""
INTEGERS = "bitserial", "binary"
MOST_LANES = 64
PORTS = (
    {},
    {"run_time_length": True},
    {"interface": "axi", "weights": "ram"},
    {"interface": "axi", "early_termination": True},
    {"interface": "axi"},
)
"""Options of interface, in turn."""
BEATS = 8, 64, 16
"""Bits of a beat of weights that are streamed, in turn."""
NAME = "drawn"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a seed stands for."""

    seed: int
    network: Network
    config: AcceleratorConfig
    images: np.ndarray
    simulator: Simulator

    @cached_property
    def dead(self) -> list[str]:
        """Layers that do not live."""
        layers = liveness(self.network, self.images, self.config.array.arithmetic)
        return [layer.layer for layer in layers if not layer.alive]

    def summary(self) -> dict:
        """The configuration, in short, as JSON values."""
        config, network = self.config, self.network
        array, options = config.array, config.options | {"axi": config.interface.is_axi}
        options["weights"] = config.weights == "ram"
        options["weight_stream"] = config.weights == "stream"
        del options["weight_beat"]
        return {
            "seed": self.seed,
            "bits": network.bits,
            "sequences": f"{network.activation_bank.sequence.kind} x "
            f"{network.weight_bank.sequence.kind}",
            "layers": [_describe(layer) for layer in network.layers],
            "array": f"{array.channels}x{array.positions}x{array.lanes} "
            + f"W{array.width} " * (array.width > 1)
            + (array.sharing if array.arithmetic == "stochastic" else array.arithmetic)
            + (f" or{network.or_lanes}" if network.or_lanes > 1 else ""),
            "engines": config.engines,
            "options": [name for name, chosen in options.items() if chosen],
            "dead": self.dead,
            "simulator": self.simulator,
        }


def _describe(layer) -> str:
    """A layer in short: 3x5x5>4x2x2 conv2d counter L8 k3x3 s2x1 p1x1 g3 max2x2 <0 +0 |0.

    ``a``: padding after the map; ``v``: least and largest padding value; ``d``: dilation.
    """
    shapes = ">".join("x".join(map(str, shape)) for shape in (layer.in_shape, layer.out_shape))
    parts = [shapes, layer.kind, layer.neuron, f"L{layer.stream_length}"]
    if layer.kind == "conv2d":
        parts += [f"{name}{a}x{b}" for name, (a, b) in _geometry(layer).items()]
        parts += [f"g{layer.groups}"] if layer.groups > 1 else []
    parts += [_describe_pool(layer.pool)] if layer.pool else []
    parts += [f"<{layer.source}"] if layer.source is not None else []
    parts += [f"+{layer.shortcut.source}"] if layer.shortcut else []
    parts += [f"|{layer.concat_after}"] if layer.concat_after is not None else []
    return " ".join(parts)


def _geometry(layer) -> dict[str, tuple[int, int]]:
    found = {"k": layer.kernel, "s": layer.stride, "p": layer.padding}
    if layer.margins[1] != layer.padding:
        found["a"] = layer.margins[1]
    if layer.padding_value.any():
        found["v"] = (int(layer.padding_value.min()), int(layer.padding_value.max()))
    return found | ({"d": layer.dilation} if layer.dilation != (1, 1) else {})


def _describe_pool(pool) -> str:
    """Kernel, and stride and padding of both ends where they are not usual: max2x2s1x1p0x1a1x1."""
    found = {"max": pool.kernel, "s": pool.stride, "p": pool.padding, "a": pool.padding_after}
    usual = {"s": pool.kernel, "p": (0, 0), "a": (0, 0)}
    shown = {name: pair for name, pair in found.items() if pair != usual.get(name)}
    return "".join(f"{name}{a}x{b}" for name, (a, b) in shown.items())


def draw(number: int) -> Case:
    """The case of a seed: the same, whenever and wherever, with the same version of Hypothesis."""
    rng = np.random.default_rng(number)
    found: list[tuple[int, Network, Array]] = []

    @seed(number)
    @settings(
        max_examples=DRAWN,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]
    )
    @given(networks(MAX_LAYERS, shortcut=True, stream=number % 7 != 3))
    def take(network: Network) -> None:
        array = _array(rng, network)
        if number % 7 == 3:
            network, array = _ored(network, array, OR_LANES[number // 7 % len(OR_LANES)])
        if number % 7 == 6:
            array = _integers(array, network, INTEGERS[number // 7 % len(INTEGERS)])
        if number % 7 != 3 and not any(layer.neuron == "stream" for layer in network.layers):
            network, array = _wide(rng, network, array)
        try:
            cycles = estimate(Program(network, array)).latency
        except BitrainError:  # a pooling window in stream mode needs as many positions
            return
        if cycles <= MAX_CYCLES:
            found.append((cycles, network, array))

    take()
    found.sort(key=_worth, reverse=True)
    several = rng.integers(4) == 0
    cases = (_case(number, network, array, several=several) for _, network, array in found)
    first = next(cases)
    return next((case for case in (first, *cases) if not case.dead), first)


def _case(number: int, network: Network, array: Array, *, several: bool) -> Case:
    """A seed's case with a network that it drew, made to live as far as that can be done.

    several: on two engines, if it can be cut.
    """
    engines = 1 + int(several and any(cuts(network)))
    images = random_images(network, NUM_IMAGES, number)
    config = AcceleratorConfig(array=array, engines=engines)
    streamed = {"weights": "stream", "weight_beat": BEATS[number // 4 % len(BEATS)]}
    streamed = streamed if number % 4 == 1 else {}
    for option in ({"skip_zeros": number % 3 == 1}, PORTS[number % len(PORTS)], streamed):
        wanted = AcceleratorConfig.model_validate({**dict(config), **option})
        config = wanted if _fits(network, wanted) else config
    # Models of AXI take Icarus ten times as long as Verilator takes to compile.
    is_quick = number % 10 and not config.interface.is_axi
    if config.skip_zeros:
        images[-1] *= np.random.default_rng(number).random(images[-1].shape) < FEW_PIXELS
    return Case(
        seed=number,
        network=enlivened(network, images, array.arithmetic),
        config=config,
        images=images,
        simulator="icarus" if is_quick and shutil.which("iverilog") else "verilator",
    )


def _fits(network: Network, config: AcceleratorConfig) -> bool:
    try:
        compile_network(network, config)
    except BitrainError:
        return False
    return True


def _worth(candidate: tuple[int, Network, Array]) -> tuple[int, int]:
    cycles, network, _ = candidate
    return min(len(network.layers), MANY_LAYERS), cycles


def _array(rng: np.random.Generator, network: Network) -> Array:
    return Array(
        channels=int(rng.integers(1, 6)),
        positions=int(rng.integers(1, 7)),
        lanes=network.num_lanes * int(rng.integers(1, 4)),
        sharing=list(Sharing)[int(rng.integers(4)) == 0],
    )


def _ored(network: Network, array: Array, or_lanes: int) -> tuple[Network, Array]:
    """With OR groups, on lanes that hold whole ones, though not on very many."""
    lanes = int(np.lcm(array.lanes, or_lanes))
    if lanes > MOST_LANES:
        lanes = int(np.lcm(network.num_lanes, or_lanes))
    network = Network.model_validate(dict(network) | {"or_lanes": or_lanes})
    return network, array.model_copy(update={"lanes": lanes})


def _wide(rng: np.random.Generator, network: Network, array: Array) -> tuple[Network, Array]:
    """With inputs in words of V, and a width W that divides V; either may be none."""
    size, width = WORDS[int(rng.integers(len(WORDS)))]
    if size > 1:
        network = worded(network, size, ALONG[int(rng.integers(len(ALONG)))])
    lanes, channels = array.lanes, -(-array.channels // width) * width
    if array.rules.has_streams:
        lanes = int(np.lcm(network.num_lanes, width)) * -(-lanes // network.num_lanes)
    else:
        lanes = -(-lanes // width) * width
    sizes = {"width": width, "channels": channels, "lanes": lanes}
    return network, array.model_copy(update=sizes)


def _integers(array: Array, network: Network, arithmetic: str) -> Array:
    """As many neurons, each with one multiplier or few."""
    return Array(
        channels=array.channels,
        positions=array.positions,
        lanes=array.lanes // network.num_lanes,
        arithmetic=arithmetic,
    )


def check(case: Case, out: Path) -> dict:
    """Generate and simulate a case in ``out/seed<number>``, which goes where all is well."""
    folder = out / f"seed{case.seed}"
    shutil.rmtree(folder, ignore_errors=True)

    engines = compile_network(case.network, case.config)
    result = case.summary()
    started = time.perf_counter()
    try:
        folder.mkdir(parents=True)
        save_network(case.network, folder / "network.npz")
        generate_ip(
            engines,
            folder / "ip",
            name=NAME,
            testbench=lambda ip: write_testbench(ip, engines, case.images, top=NAME),
        )
        report = simulate(folder / "ip", simulator=case.simulator, seed=case.seed)
    except BitrainError as error:
        result |= {"problems": [str(error)]}
    else:
        result |= {
            "values": report.values_compared,
            "mismatches": report.mismatches,
            "cycles": report.predicted_cycles,
            "problems": list(report.problems),
        }
    if result["dead"]:
        result["problems"].append(f"dead layers: {', '.join(result['dead'])}")
    if not result["problems"]:
        shutil.rmtree(folder)
    return result | {"seconds": round(time.perf_counter() - started, 1)}


def run(numbers: range, out: Path, seen: Seen) -> Iterator[dict]:
    """Results of seeds one by one, which are ``seen``; ``out/campaign.jsonl`` gets a line each."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "campaign.jsonl").open("w", encoding="utf-8") as file:
        for number in numbers:
            case = draw(number)
            result = check(case, out)
            seen.add(case.config, case.network, case.images)
            file.write(json.dumps(result) + "\n")
            file.flush()
            yield result


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Random networks, golden model against RTL.")
    parser.add_argument("--seeds", type=int, default=50, help="how many (50)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--out", type=Path, default=Path("build/campaign"), help="output folder")
    args = parser.parse_args(arguments)
    failed, total, values, seen = [], 0, 0, Seen()
    for result in run(range(args.first, args.first + args.seeds), args.out, seen):
        total += 1
        values += result.get("values", 0)
        verdict = "FAILED" if result["problems"] else "ok"
        options = "".join(f" {name}," for name in result["options"])
        print(
            f"seed {result['seed']}: {verdict}; n {result['bits']}, {result['sequences']}, array "
            f"{result['array']}, {result['engines']} engines,{options} {result['simulator']}, "
            f"{result.get('values', 0)} values, "
            f"{result.get('cycles', '?')} cycles, {result['seconds']} s",
            *result["layers"],
            *result["problems"],
            sep="\n    ",
            flush=True,
        )
        failed += [result["seed"]] if result["problems"] else []
    print(seen.table())
    seeds = f"{total} seeds, {values:,} values compared"
    print(f"{seeds}: {f'FAILED {failed}' if failed else 'no mismatch, all cycles exact'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
