"""Speed of the golden model's hot loop, beside numpy's AND + population count in the same run."""

import time

import numpy as np
import pytest
from networks import random_images, random_layer

from bitrain.golden import run
from bitrain.spec import Lfsr, Network, Shape, SngBank, VanDerCorput

IMAGES = 64


def conv_network(length: int) -> Network:
    """The second convolution of LeNet-5 (6 to 16 channels, 5 x 5), then a linear layer."""
    rng = np.random.default_rng(0)
    bits = length.bit_length() - 1
    conv = random_layer(rng, Shape(6, 14, 14), 16, kernel=(5, 5), bits=bits, length=length)
    flat = Shape(conv.out_shape.size, 1, 1)
    scores = random_layer(rng, flat, 10, kind="linear", relu=False, bits=bits, length=length)
    return Network(
        name="bench",
        activation_bank=SngBank.wired(Lfsr(width=bits), 16, "rotated"),
        weight_bank=SngBank.wired(VanDerCorput(width=bits), 16, "rotated"),
        layers=(conv, scores),
    )


def numpy_rate() -> float:
    """Bits per second of AND + population count over arrays that stay in cache."""
    words = np.random.default_rng(0).integers(0, 1 << 63, (2, 1 << 15), dtype=np.uint64)
    best = float("inf")
    for _ in range(20):
        start = time.perf_counter()
        np.bitwise_count(words[0] & words[1]).sum(dtype=np.int64)
        best = min(best, time.perf_counter() - start)
    return words.shape[1] * 64 / best


@pytest.mark.parametrize("length", [8, 32, 64, 256])
def test_scores(benchmark, length):
    network = conv_network(length)
    images = random_images(network, IMAGES)
    run(network, images[:1])  # compile
    benchmark(run, network, images)
    rate = network.macs * IMAGES / benchmark.stats.stats.median
    benchmark.extra_info["SC-MAC/s"] = f"{rate:.3g}"
    benchmark.extra_info["bits per second over numpy's"] = round(rate * length / numpy_rate(), 2)
