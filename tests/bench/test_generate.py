"""How CPU seconds and memory of `bitrain generate` grow with the weights."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import random_bank, random_layer

from bitrain.spec import MaxPool2d, Network, Shape, save_network

SIZES = (100_000, 500_000, 2_500_000)
"""Weights, about."""

MEASURED = """
import json, resource, sys
from pathlib import Path
from bitrain.cli import app

try:
    app(["generate", *sys.argv[1:]])
except SystemExit as end:
    assert not end.code
# Not ru_maxrss of this process, which inherits that from the one it was started by.
status = Path("/proc/self/status").read_text(encoding="ascii")
(own,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({
    "cpu": sum(found.ru_utime + found.ru_stime for found in usage),
    "peak": max(own, usage[1].ru_maxrss) / 1024,
}))
"""
"""`bitrain generate` in a process of its own."""


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


def measure(folder: Path, weights: int, images: int) -> dict[str, Any]:
    """CPU seconds, Yosys' included, and peak memory in MiB, of an array of 16 x 8 x 16."""
    network = network_of(weights)
    save_network(network, folder / f"{weights}.npz")
    options = ["-P", "16", "-Q", "8", "-N", "16", "--images", str(images)]
    options += ["--data", "random"] * (images > 0)
    command = [sys.executable, "-c", MEASURED, folder / f"{weights}.npz", *options]
    command += ["--out", folder / f"ip{weights}"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {"weights": sum(layer.weight.size for layer in network.layers), **found}


@pytest.mark.parametrize("images", [0, 1])
def test_generate(benchmark, record, tmp_path: Path, images: int) -> None:
    """Beside the smallest network: what it takes is the circuit's."""
    found = benchmark.pedantic(lambda: [measure(tmp_path, size, images) for size in SIZES])
    for each in found:
        record(
            "bitrain generate",
            images=str(images),
            weights=f"{each['weights']:,}",
            **{
                "CPU s": f"{each['cpu']:.1f}",
                "peak MiB": f"{each['peak']:.0f}",
                "times the weights": each["weights"] / found[0]["weights"],
                "times the CPU s": each["cpu"] / found[0]["cpu"],
                "times the memory": each["peak"] / found[0]["peak"],
            },
        )
