"""Speed of the exact convolution, packing of activations included, and of a whole network.

Beside it in the same run: torch's float convolution, and AND + population count over flat arrays.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from networks import random_images, random_layer

from bitrain.golden import Streams, convolve, pack_weights, predict
from bitrain.spec import Lfsr, MaxPool2d, Network, Shape, SngBank, VanDerCorput

REPOSITORY = Path(__file__).parents[2]
NUM_IMAGES = 10_000


class Convolution(NamedTuple):
    """A layer of a known network, and how many images it is given at once."""

    in_shape: Shape
    num_out: int
    kernel: int
    padding: int
    images: int


LAYERS = {
    "LeNet-5 6 to 16": Convolution(Shape(6, 14, 14), 16, 5, 0, 256),
    "ResNet-20 16 to 16": Convolution(Shape(16, 32, 32), 16, 3, 1, 64),
    "ResNet-20 64 to 64": Convolution(Shape(64, 8, 8), 64, 3, 1, 256),
}
LENGTHS = (4, 8, 16, 32, 64, 128, 256)


def banks(bits: int) -> tuple[SngBank, SngBank]:
    """16 lanes; activations from an LFSR, weights from the bit-reversed counter."""
    sequences = Lfsr(width=bits), VanDerCorput(width=bits)
    first, second = (SngBank.wired(sequence, 16, "rotated") for sequence in sequences)
    return first, second


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("name", LAYERS)
def test_convolution(benchmark, clock, record, name, length):
    import torch
    from torch.nn import functional as F

    layer, rng = LAYERS[name], np.random.default_rng(0)
    streams = Streams(*banks(8), length)
    shape = (layer.num_out, layer.in_shape.channels, layer.kernel, layer.kernel)
    activations = rng.integers(0, 257, (layer.images, *layer.in_shape)).astype(np.int32)
    weight = rng.integers(-256, 257, shape)
    packed = pack_weights(streams, weight)
    padding = (layer.padding, layer.padding)

    arguments = streams, activations, packed, (1, 1), padding
    sums = benchmark.pedantic(convolve, arguments, rounds=9, warmup_rounds=2)
    macs = sums.size * weight[0].size
    seconds = benchmark.stats.stats.median
    images, kernels = torch.from_numpy(activations).float(), torch.from_numpy(weight).float()
    with torch.inference_mode():
        float_seconds = clock.seconds(lambda: F.conv2d(images, kernels, None, 1, padding))
    record(
        "Exact convolution, L bits",
        layer=name,
        L=str(length),
        ms=seconds * 1e3,
        **{
            "SC-MAC/s": macs / seconds,
            "of AND + popcount streaming": macs * length / seconds / clock.streaming_rate(),
            "time of float convolution": seconds / float_seconds,
        },
    )


def lenet5(bits: int, length: int) -> Network:
    """LeNet-5 on 28 x 28 pixels, with random weights."""
    rng, pool = np.random.default_rng(0), MaxPool2d(kernel=(2, 2), stride=(2, 2))
    common: dict[str, Any] = {"bits": bits, "length": length}
    layers = [
        random_layer(rng, Shape(1, 28, 28), 6, kernel=(5, 5), padding=(2, 2), pool=pool, **common)
    ]
    layers.append(random_layer(rng, layers[-1].out_shape, 16, kernel=(5, 5), pool=pool, **common))
    for num_out in (120, 84, 10):
        flat = Shape(layers[-1].out_shape.size, 1, 1)
        relu = num_out != 10
        layers.append(random_layer(rng, flat, num_out, kind="linear", relu=relu, **common))
    activation_bank, weight_bank = banks(bits)
    return Network(
        name="lenet5",
        activation_bank=activation_bank,
        weight_bank=weight_bank,
        layers=tuple(layers),
    )


@pytest.mark.parametrize("bits", [4, 5])
def test_lenet5(benchmark, clock, record, bits):
    import torch
    from torch import nn

    network = lenet5(bits, 1 << bits)
    images = random_images(network, NUM_IMAGES)
    benchmark.pedantic(predict, (network, images), rounds=3, warmup_rounds=1)
    seconds = benchmark.stats.stats.median
    model = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )
    batches = torch.from_numpy(images).float().split(256)
    with torch.inference_mode():
        float_seconds = clock.seconds(lambda: [model(batch) for batch in batches], 3)
    record(
        "LeNet-5, 10,000 images",
        L=str(1 << bits),
        golden=f"{seconds:.3g} s",
        **{"float torch": f"{float_seconds:.3g} s", "ratio": seconds / float_seconds},
    )


def test_peak_memory(benchmark, record):
    """Of a process that evaluates the images and nothing else."""
    paths = [str(REPOSITORY / part) for part in ("hw", "sim", "sw", "tests")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, __file__]

    def evaluate() -> str:
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        ).stdout

    before, after = map(float, benchmark.pedantic(evaluate).split())
    record(
        "Peak memory of LeNet-5 on 10,000 images",
        **{"before": f"{before:.0f} MiB", "peak": f"{after:.0f} MiB"},
    )


def _peak_mib() -> float:
    # Not ru_maxrss: a process inherits that from the one it was started by.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (peak,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


if __name__ == "__main__":
    network = lenet5(5, 32)
    # As bytes, like data sets: their making must not be the peak.
    shape = (NUM_IMAGES, *network.in_shape)
    images = np.random.default_rng(0).integers(0, network.one, shape, dtype=np.uint8)
    print(_peak_mib())
    predict(network, images)
    print(_peak_mib())
