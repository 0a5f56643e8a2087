"""How time and memory of loading and generating grow with the weights."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from networks import random_bank, random_layer

from bitrain.spec import MaxPool2d, Network, Shape, save_network

MEASURED = """
import json, resource, sys, time
from pathlib import Path
from bitrain.accelerator import compile_network
from bitrain.gen.ip.package import generate_ip
from bitrain.program import AcceleratorConfig
from bitrain.spec import load_network

started = time.perf_counter()
network = load_network(Path(sys.argv[1]))
loaded = time.perf_counter()
array = {"channels": 8, "positions": 8, "lanes": 16}
generate_ip(compile_network(network, AcceleratorConfig(array=array)), Path(sys.argv[2]))
usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({
    "load": loaded - started,
    "generate": time.perf_counter() - loaded,
    "cpu": sum(found.ru_utime + found.ru_stime for found in usage),
    "peak": max(found.ru_maxrss for found in usage) / 1024,
}))
"""


def network_of(weights: int) -> Network:
    """Three convolutions and a classifier of about so many weights altogether."""
    rng, width = np.random.default_rng(0), int((weights / 27) ** 0.5)
    half = MaxPool2d(kernel=(2, 2), stride=(2, 2))
    layers, shape = [], Shape(3, 16, 16)
    for channels, pool in ((width, half), (width, half), (2 * width, None)):
        layers.append(
            random_layer(
                rng, shape, channels, bits=8, length=32, kernel=(3, 3), padding=(1, 1), pool=pool
            )
        )
        shape = layers[-1].out_shape
    flat = Shape(shape.size, 1, 1)
    layers.append(
        random_layer(rng, flat, 10, kind="linear", relu=False, bits=8, length=32, kernel=(1, 1))
    )
    return Network(
        name=f"weights{weights}",
        activation_bank=random_bank(rng, 8, 16),
        weight_bank=random_bank(rng, 8, 16),
        layers=tuple(layers),
    )


@pytest.mark.parametrize("weights", [500_000, 1_200_000, 2_500_000])
def test_generate(benchmark, record, tmp_path: Path, weights: int) -> None:
    """A process of its own, as `bitrain generate`, but without images."""
    network = network_of(weights)
    save_network(network, tmp_path / "network.npz")
    command = [sys.executable, "-c", MEASURED, tmp_path / "network.npz", tmp_path / "ip"]
    found = {}

    def call() -> None:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found.update(json.loads(done.stdout))

    benchmark.pedantic(call, rounds=1)
    record(
        "load and generate",
        weights=f"{sum(layer.weight.size for layer in network.layers):,}",
        **{
            "load s": f"{found['load']:.2f}",
            "generate s": f"{found['generate']:.1f}",
            "CPU s": f"{found['cpu']:.1f}",
            "peak MiB": f"{found['peak']:.0f}",
        },
    )
