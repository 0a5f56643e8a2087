import numpy as np
import pytest
from networks import random_images, random_network, streamed
from rich.console import Console

from bitrain import golden
from bitrain.cli.render.cost import print_mean, zeros_table
from bitrain.cost import estimate, skipping_cycles
from bitrain.cost.cycles import IMAGE_OVERHEAD
from bitrain.program import Array, Program
from bitrain.spec import BitrainError
from bitrain.studies.zero_chunks import BATCH, measure_zeros

NETWORK = random_network(2, bits=4, lanes=2, in_shape=(1, 6, 6))
ARRAY = Array(channels=2, positions=2, lanes=2)
COUNT = BATCH + 3


def sparse_images() -> np.ndarray:
    images = random_images(NETWORK, COUNT)
    return images * (np.random.default_rng(0).random(images.shape) < 0.1)


def test_means_over_all_batches():
    images = sparse_images()
    report = measure_zeros(NETWORK, ARRAY, images)
    zero = golden.zero_chunks(NETWORK, ARRAY, images, golden.run(NETWORK, images))
    cycles = skipping_cycles(Program(NETWORK, ARRAY, skip_zeros=True), zero)
    assert report.images == COUNT
    assert report.cycles.tolist() == (cycles.sum(0) + IMAGE_OVERHEAD).tolist()
    assert report.most_cycles == estimate(Program(NETWORK, ARRAY)).latency > report.cycles.mean()
    rows = zip(report.layers, NETWORK.layers, zero, cycles, strict=True)
    for found, layer, chunks, taken in rows:
        assert found.name == layer.name
        assert found.share == pytest.approx(chunks.mean())
        assert found.cycles == pytest.approx(taken.mean())
        assert found.cycles <= found.most_cycles
    assert report.layers[0].share > 0.2


def test_table_and_line():
    report = measure_zeros(NETWORK, ARRAY, sparse_images()[:4])
    console = Console(record=True, width=120)
    console.print(zeros_table(report))
    print_mean("zeros skipped", [90, None, 100], [100] * 3, console)
    text = console.export_text()
    first = report.layers[0]
    assert f"{first.share:.1%}" in text and f"{first.most_cycles:,}" in text
    assert f"{1 - report.cycles.mean() / report.most_cycles:.1%}" in text
    assert "zeros skipped: 95 cycles on average over 2 images, -5.0%" in text


def test_no_zeros_to_skip_in_stream_mode():
    network = streamed(random_network(1, lanes=4))
    array = Array(channels=2, positions=4, lanes=4)
    with pytest.raises(BitrainError, match="is in stream mode"):
        measure_zeros(network, array, random_images(network, 1))
