"""Packed streams, and convolution of them against a bit-by-bit sum of products.

Run as a program: what ``small_layers`` give on the processor that numba is told of.
"""

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import binding as llvm
from numba.core import registry
from strategies import banks

from bitrain.golden import Streams, convolve, kernel, pack_weights
from bitrain.golden.kernel import BLOCK, TILE, Tile, tile_of
from bitrain.spec import Lfsr, SngBank, VanDerCorput

REPOSITORY = Path(__file__).parents[3]

lengths = st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128, 256])


def reference(
    streams: Streams, activations: np.ndarray, weight: np.ndarray, stride, padding
) -> np.ndarray:
    """The contract's sum without its bias, one neuron at a time."""
    (sh, sw), (ph, pw) = stride, padding
    r_activation = streams.activation_bank.values(streams.length)
    r_weight = streams.weight_bank.values(streams.length)
    num_out, _, kh, kw = weight.shape
    g = streams.or_lanes
    padded = np.pad(activations, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    rows, columns = (padded.shape[2] - kh) // sh + 1, (padded.shape[3] - kw) // sw + 1
    sums = np.zeros((len(padded), num_out, rows, columns), np.int64)
    lane = np.arange(weight[0].size) % len(r_activation)
    for image, y, x in np.ndindex(len(padded), rows, columns):
        a = padded[image, :, y * sh : y * sh + kh, x * sw : x * sw + kw].ravel()
        for o, w in enumerate(weight.reshape(num_out, -1)):
            both = (r_activation[lane] < a[:, None]) & (r_weight[lane] < np.abs(w)[:, None])
            firsts = range(0, w.size, g)
            for sign in 1, -1:
                bits = both & (np.sign(w) == sign)[:, None]
                joined = [np.any(bits[k : k + g], 0) for k in firsts] if g > 1 else bits
                sums[image, o, y, x] += sign * np.sum(joined)
    return sums


@st.composite
def convolutions(draw, length: int | None = None):
    """Streams, activations, weights, stride and padding of any kind that is allowed."""
    n = 8 if length else draw(st.integers(2, 8))
    length = length or 1 << draw(st.integers(0, n))
    num_lanes = draw(st.integers(1, 40))
    groups = draw(st.sampled_from([1, 2, 4, 8]))
    streams = Streams(draw(banks(n, num_lanes)), draw(banks(n, num_lanes)), length, groups)
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, stride = draw(pair), draw(pair)
    padding = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    size = [
        max(1, k - 2 * p) + draw(st.integers(0, 4)) for k, p in zip(kernel, padding, strict=True)
    ]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    channels, images = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    activations = rng.integers(0, streams.one + 1, (images, channels, *size))
    weight = rng.integers(
        -streams.one, streams.one + 1, (draw(st.integers(1, 9)), channels, *kernel)
    )
    # The ends of the range, more often than chance draws them.
    for numbers in activations, weight:
        ends = rng.choice([0, streams.one], numbers.shape) * np.sign(numbers)
        numbers[...] = np.where(rng.random(numbers.shape) < 0.3, ends, numbers)
    return streams, activations, weight, stride, padding


@settings(deadline=None, max_examples=60)
@given(convolution=convolutions())
def test_convolution_is_the_sum_of_products_bit_by_bit(convolution):
    sums = convolve(*convolution)
    assert sums.dtype == np.int32
    assert np.array_equal(sums, reference(*convolution))


@pytest.mark.parametrize("length", [2, 4, 8, 16, 32, 64, 128, 256])
def test_every_size_of_a_cell(length):
    """Several streams in a word of 64 bits, one, and several words for one, with n = 8."""

    @settings(deadline=None, max_examples=3)
    @given(convolution=convolutions(length))
    def check(convolution):
        assert np.array_equal(convolve(*convolution), reference(*convolution))

    check()


def wired(bits: int, num_lanes: int, length: int) -> Streams:
    lfsr, van_der_corput = Lfsr(width=bits), VanDerCorput(width=bits)
    return Streams(
        SngBank.wired(lfsr, num_lanes, "rotated"),
        SngBank.wired(van_der_corput, num_lanes, "rotated"),
        length,
    )


@pytest.mark.parametrize("num_out", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("images", [1, TILE - 1, TILE, TILE + 1, 5 * TILE])
def test_linear_layers_take_their_tiles_from_several_images(images, num_out):
    streams, rng = wired(4, 3, 8), np.random.default_rng(images)
    activations = rng.integers(0, 17, (images, 7, 1, 1))
    weight = rng.integers(-16, 17, (num_out, 7, 1, 1))
    sums = convolve(streams, activations, weight)
    assert np.array_equal(sums, reference(streams, activations, weight, (1, 1), (0, 0)))


CASE = wired(6, 5, 32)
MAPS = np.random.default_rng(0).integers(0, 65, (9, 3, 8, 7))
WEIGHT = np.random.default_rng(1).integers(-64, 65, (6, 3, 3, 3))


def test_number_of_threads_does_not_matter():
    many = np.concatenate([MAPS] * 20)  # work for more than one thread
    threads = numba.get_num_threads()
    try:
        numba.set_num_threads(1)
        single = convolve(CASE, many, WEIGHT, padding=(1, 1))
    finally:
        numba.set_num_threads(threads)
    assert np.array_equal(single, convolve(CASE, many, WEIGHT, padding=(1, 1)))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32])
def test_type_and_layout_of_activations_do_not_matter(dtype):
    expected = convolve(CASE, MAPS, WEIGHT)
    assert np.array_equal(convolve(CASE, np.asfortranarray(MAPS).astype(dtype), WEIGHT), expected)


def test_weights_packed_once_serve_every_batch():
    packed = pack_weights(CASE, WEIGHT)
    for maps in MAPS[:4], MAPS[4:]:
        assert np.array_equal(convolve(CASE, maps, packed), convolve(CASE, maps, WEIGHT))


@pytest.mark.parametrize("groups", [2, 3, 6])
def test_groups_are_convolutions_of_their_own(groups):
    maps, weight = np.concatenate([MAPS, MAPS[::-1]], 1), np.concatenate([WEIGHT, WEIGHT])
    weight = weight[:, : 6 // groups]
    pairs = zip(np.split(maps, groups, 1), np.split(weight, groups), strict=True)
    wanted = np.concatenate([convolve(CASE, *pair, (2, 1), (1, 0)) for pair in pairs], 1)
    assert np.array_equal(convolve(CASE, maps, weight, (2, 1), (1, 0), groups=groups), wanted)
    packed = pack_weights(CASE, weight, groups)
    assert np.array_equal(convolve(CASE, maps, packed, (2, 1), (1, 0)), wanted)


def test_activations_below_zero_are_empty_streams():
    signed = MAPS - 30
    sums = convolve(CASE, signed, WEIGHT)
    assert np.array_equal(sums, convolve(CASE, np.maximum(signed, 0), WEIGHT))


def test_no_images():
    assert convolve(CASE, MAPS[:0], WEIGHT).shape == (0, 6, 6, 5)


@settings(deadline=None, max_examples=30)
@given(length=lengths, num_lanes=st.integers(1, 4), seed=st.integers(0, 255))
def test_streams(length, num_lanes, seed):
    streams = Streams(
        SngBank.wired(Lfsr(width=8, seed=seed), num_lanes, "rotated"),
        SngBank.wired(VanDerCorput(width=8, seed=seed), num_lanes, "identical"),
        length,
    )
    banks_ = streams.activation_bank, streams.weight_bank
    for bank, table in zip(banks_, streams.tables, strict=True):
        assert table.shape == (num_lanes, max(1, length // 64), 257)
        for lane in range(num_lanes):
            for number in (0, 1, 77, 255, 256):
                bits = [int(table[lane, t // 64, number]) >> t % 64 & 1 for t in range(length)]
                assert bits == [int(value < number) for value in bank.values(length)[lane]]


def test_tables_are_made_once():
    assert wired(6, 5, 32).tables is CASE.tables


# --- processors --------------------------------------------------------------------------------


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


# --- wrong inputs ------------------------------------------------------------------------------


def test_numbers_out_of_range():
    with pytest.raises(ValueError, match="an activation exceeds 64"):
        convolve(CASE, MAPS + 1, WEIGHT)
    with pytest.raises(ValueError, match="weights in ±64"):
        convolve(CASE, MAPS, WEIGHT - 1)


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"activations \(9, 2, 8, 7\) do not fit weights"):
        convolve(CASE, MAPS[:, :2], WEIGHT)
    with pytest.raises(ValueError, match=r"kernel \(3, 3\) exceeds the padded input"):
        convolve(CASE, MAPS[:, :, :2], WEIGHT)


def test_sums_beyond_32_bits():
    streams = wired(16, 1, 1 << 16)
    with pytest.raises(ValueError, match="exceed 32 bits"):
        pack_weights(streams, np.ones((1, 1 << 15, 1, 1), int))


@pytest.mark.parametrize("length", [0, 3, 128])
def test_lengths_that_are_no_power_of_two_up_to_a_period(length):
    with pytest.raises(ValueError, match=r"is no power of two in 1 … 64"):
        wired(6, 2, length)


def test_banks_of_different_sizes():
    with pytest.raises(ValueError, match=r"\(2, 6\) and \(3, 6\) do not fit"):
        Streams(wired(6, 2, 8).activation_bank, wired(6, 3, 8).weight_bank, 8)


if __name__ == "__main__":
    found = [check_sum(convolve(*layer)) for layer in small_layers()]
    hits = kernel.accumulate.stats.cache_hits
    context: Any = registry.cpu_target.target_context
    *_, features = context.codegen().magic_tuple()
    print(json.dumps({"sums": found, "tile": tile_of(features), "cached": sum(hits.values())}))
