"""The kernel on other processors than the host.

Run as a program: what ``small_layers`` give on the processor that numba is told of.
"""

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from convolutions import reference, wired
from llvmlite import binding as llvm
from numba.core import registry

from bitrain.golden import convolve, kernel
from bitrain.golden.kernel import BLOCK, TILE, Tile, tile_of

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("features", "tile"),
    [
        ("", Tile(simd=2, vectors=2, neurons=1, depth=3)),
        ("+neon", Tile(simd=2, vectors=2, neurons=1, depth=3)),
        ("+avx,+avx2,-avx512f", Tile(simd=4, vectors=2, neurons=1, depth=3)),
        ("+avx2,+avx512f,-avx512vpopcntdq", Tile(simd=8, vectors=2, neurons=1, depth=3)),
        ("+avx2,+avx512f,+avx512vpopcntdq", Tile(simd=8, vectors=2, neurons=4, depth=0)),
    ],
)
def test_tile_of_a_processor(features, tile):
    assert tile_of(features) == tile
    assert TILE % (tile.simd * tile.vectors) == BLOCK % tile.neurons == 0


def small_layers():
    """Neurons of 1 … 17 words, so that any number is left over; streams of several words."""
    rng = np.random.default_rng(0)
    layers = [(64, channels, (1, 1)) for channels in range(1, 18)]
    for length, channels, size in [*layers, (256, 2, (3, 3)), (256, 3, (2, 1))]:
        maps = rng.integers(0, 257, (TILE + 1, channels, *size))
        weight = rng.integers(-256, 257, (BLOCK + 1, channels, *size))
        yield wired(8, 5, length), maps, weight


def check_sum(sums: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(sums, np.int32).tobytes())


def run_small_layers(cache: Path, *processor: str) -> dict:
    paths = [str(REPOSITORY / part) for part in ("hw", "sim", "sw", "tests")]
    environment = {
        **{name: x for name, x in os.environ.items() if not name.startswith("NUMBA_")},
        "PYTHONPATH": os.pathsep.join(paths),
        "NUMBA_CACHE_DIR": str(cache),
        **dict(zip(("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"), processor, strict=False)),
    }
    command = [sys.executable, __file__]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.slow
def test_processors_agree_and_keep_to_their_own_compiled_code(tmp_path):
    """Those of the host, as far as it can play them, with one folder for numba's cache."""
    host = llvm.get_host_cpu_features()
    processors = {(): host.flatten(), ("generic", ""): ""}
    for name, features in [("haswell", "avx,avx2"), ("skylake-avx512", "avx2,avx512f,avx512bw")]:
        if all(host.get(feature) for feature in features.split(",")):
            flags = ",".join(f"+{feature}" for feature in features.split(","))
            processors[name, flags] = flags
    wanted = [check_sum(reference(*layer, (1, 1), (0, 0))) for layer in small_layers()]
    for times_before in 0, 1:
        for processor, features in processors.items():
            found = run_small_layers(tmp_path, *processor)
            assert found == {"sums": wanted, "tile": [*tile_of(features)], "cached": times_before}


if __name__ == "__main__":
    found = [check_sum(convolve(*layer)) for layer in small_layers()]
    hits = kernel.accumulate.stats.cache_hits
    context: Any = registry.cpu_target.target_context
    *_, features = context.codegen().magic_tuple()
    print(json.dumps({"sums": found, "tile": tile_of(features), "cached": sum(hits.values())}))
