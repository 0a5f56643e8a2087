"""Every kind of block, in counter and stream mode, in both simulators: `make matrix`.

Networks for the digits, from random weights, converted and calibrated as trained ones are:
residual, dense, depthwise, and a mixed one that has all of these. Each is generated and simulated
at full rate, with random pauses of both streams and after a reset, with integers too, and with
weights from outside; every stored value, every score and every cycle count must be as predicted.
The exit status is 1 if one is not. Results are lines of ``matrix.jsonl``.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import get_args

import torch
from networks import compiled
from torch import nn

from bitrain.cosim import Simulator, simulate, write_testbench
from bitrain.data import load_dataset
from bitrain.export import export_network
from bitrain.gen.ip.package import generate_ip
from bitrain.models import Block, BlockSpec
from bitrain.nn import ScConfig, convert
from bitrain.program import Array
from bitrain.spec import Network, Neuron, to_unipolar

ARRAY = Array(channels=4, positions=4, lanes=8)
WIDTHS = {"counter": (1, 2, 4), "stream": (1,)}
"""Of the engines that run networks of each mode."""
INTEGERS = {"bitserial": 2, "binary": 4}
"""Width of the engines that run those of counter mode in the other arithmetics."""
IMAGES = 2


def conv(before: int, after: int) -> BlockSpec:
    """3 x 3, pooled by two."""
    return BlockSpec(
        kind="conv", in_channels=before, out_channels=after, stride=2, downsample="max"
    )


def scores(channels: int) -> BlockSpec:
    """The mean of each map, and a linear layer."""
    return BlockSpec(kind="linear", in_channels=channels, out_channels=10, average=True, relu=False)


RESIDUAL = BlockSpec(kind="residual", in_channels=8, out_channels=8)
WIDER = BlockSpec(kind="residual", in_channels=8, out_channels=12, stride=2)
DENSE = BlockSpec(kind="dense", in_channels=8, out_channels=16, layers=2, middle=6)
TRANSITION = BlockSpec(
    kind="conv", in_channels=16, out_channels=8, kernel=1, stride=2, downsample="average"
)
SEPARABLE = BlockSpec(kind="separable", in_channels=8, out_channels=12)
NARROWER = BlockSpec(kind="separable", in_channels=12, out_channels=8, stride=2)

NETWORKS: dict[str, tuple[BlockSpec, ...]] = {
    "residual": (conv(1, 8), RESIDUAL, WIDER, scores(12)),
    "dense": (conv(1, 8), DENSE, TRANSITION, scores(8)),
    "depthwise": (conv(1, 8), SEPARABLE, NARROWER, scores(8)),
    "mixed": (conv(1, 8), RESIDUAL, DENSE, TRANSITION, SEPARABLE, scores(12)),
}


def make(name: str, neuron: Neuron) -> Network:
    """The network of that name for the accelerator.

    In stream mode are all layers but the last and those that add a shortcut, which cannot be.
    """
    digits = load_dataset("digits")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(*map(Block, NETWORKS[name])).eval()

    def network(config: ScConfig) -> Network:
        sc_model = convert(model, digits.in_shape, digits.train_images, config)
        return export_network(sc_model, name, digits.test_images[:IMAGES], {"data": "digits"})

    word = max(WIDTHS[neuron]) if neuron == "counter" else 1
    config = ScConfig(bits=4, lanes=ARRAY.lanes, word=word)
    counting = network(config)
    if neuron == "counter":
        return counting
    modes = {layer.name: "counter" for layer in counting.layers if layer.shortcut}
    return network(config.model_copy(update={"neuron": neuron, "layer_neurons": modes}))


def run(out: Path) -> Iterator[dict]:
    """Results one by one; ``out/matrix.jsonl`` gets a line for each."""
    images = load_dataset("digits").test_images[:IMAGES]
    simulators: list[Simulator] = [
        x for x in get_args(Simulator) if x != "icarus" or shutil.which("iverilog")
    ]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "matrix.jsonl").open("w", encoding="utf-8") as file:
        for name, neuron in product(NETWORKS, get_args(Neuron)):
            network = make(name, neuron)
            cases = [("stochastic", width, "rom") for width in WIDTHS[neuron]]
            cases += [("stochastic", max(WIDTHS[neuron]), "stream")]
            if neuron == "counter":
                cases += [(arithmetic, width, "rom") for arithmetic, width in INTEGERS.items()]
            vectors = to_unipolar(images, network.bits)
            for arithmetic, width, weights in cases:
                folder = out / f"{name}_{neuron}_{arithmetic}_{width}_{weights}"
                changes = {"width": width, "arithmetic": arithmetic}
                array = ARRAY.model_copy(update=changes)
                engines = compiled(network, array, weights=weights)
                generate_ip(
                    engines,
                    folder,
                    name="dut",
                    testbench=lambda ip, engines=engines, vectors=vectors: write_testbench(
                        ip, engines, vectors, top="dut"
                    ),
                )
                for simulator in simulators:
                    started = time.perf_counter()
                    report = simulate(folder, simulator=simulator)
                    result = {
                        "network": name,
                        "layers": len(network.layers),
                        "neuron": neuron,
                        "width": width,
                        "arithmetic": arithmetic,
                        "weights": weights,
                        "simulator": report.simulator_version,
                        "values": report.values_compared,
                        "mismatches": report.mismatches,
                        "cycles": report.predicted_cycles,
                        "problems": list(report.problems),
                        "seconds": round(time.perf_counter() - started, 1),
                    }
                    file.write(json.dumps(result) + "\n")
                    file.flush()
                    yield result


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Every kind of block, golden model against RTL.")
    parser.add_argument("--out", type=Path, default=Path("build/matrix"), help="output folder")
    args = parser.parse_args(arguments)
    failed, values = 0, 0
    for result in run(args.out):
        values += result["values"]
        failed += bool(result["problems"])
        verdict = "; ".join(result["problems"]) or "ok"
        print(
            f"{result['network']}, {result['layers']} layers, {result['neuron']} mode, "
            f"{result['arithmetic']}, W = {result['width']}, weights {result['weights']}, "
            f"{result['simulator']}: {result['mismatches']} mismatches in {result['values']:,} "
            f"values, {result['cycles']:,} cycles, {result['seconds']} s: {verdict}",
            flush=True,
        )
    print(f"{values:,} values compared: {f'{failed} FAILED' if failed else 'no mismatch'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
