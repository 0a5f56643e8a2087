"""The whole accelerator in Amaranth's own simulator against golden; cycles against the formula."""

import random
from typing import Any

import numpy as np
import pytest
from bench_amaranth import simulate
from networks import (
    at_full_scale,
    dense_network,
    grouped_network,
    padded_network,
    projected_network,
    random_bank,
    random_images,
    random_layer,
    random_network,
    residual_network,
    streamed,
    worded,
)

from bitrain.cost import estimate, skipping_cycles
from bitrain.cost.cycles import IMAGE_OVERHEAD
from bitrain.golden import run, run_shorter, zero_chunks
from bitrain.program import Array, Options, Program, Sharing
from bitrain.rtl.ports.accelerator import Accelerator
from bitrain.spec import Network, Shape, with_prefix


def seeds(number: int, *, quick: int) -> list:
    """All but the first few are slow tests."""
    return [pytest.param(i, marks=[pytest.mark.slow] * (i >= quick)) for i in range(number)]


def run_accelerator(program: Program, images, *, stalls: float = 0.0, seed: int = 0, lengths=()):
    """Scores, class indices, cycles and stored activations (layer, address, value) per image.

    lengths: log2 of each image's stream length, where it is chosen at run time.
    """
    dut, network = Accelerator(program), program.network
    rng = random.Random(seed)
    results = []
    stored = []

    async def drive(ctx):
        for i, pixel in enumerate(images.ravel().tolist()):
            if lengths:
                ctx.set(dut.log_length, lengths[i // network.in_shape.size])
            while rng.random() < stalls:
                ctx.set(dut.pixels.valid, 0)
                await ctx.tick()
            ctx.set(dut.pixels.valid, 1)
            ctx.set(dut.pixels.payload, pixel)
            await ctx.tick().until(dut.pixels.ready)
        ctx.set(dut.pixels.valid, 0)

    async def collect(ctx):
        for _ in images:
            scores, last = [], False
            while not last:
                while rng.random() < stalls:
                    ctx.set(dut.scores.ready, 0)
                    await ctx.tick()
                ctx.set(dut.scores.ready, 1)
                (payload,) = await ctx.tick().sample(dut.scores.payload).until(dut.scores.valid)
                ctx.set(dut.scores.ready, 0)
                scores.append(payload.score)
                last = bool(payload.last)
            results.append((scores, ctx.get(dut.class_index), ctx.get(dut.cycles), list(stored)))
            stored.clear()

    async def watch(ctx):
        async for _, _, valid, layer, address, value in ctx.tick().sample(
            dut.trace.valid, dut.trace.layer, dut.trace.address, dut.trace.data
        ):
            if valid:
                stored.append((layer, address, value))

    simulate(dut, drive, collect, background=[watch])
    return results


def check(network: Network, array: Array, images, **options):
    program, cycles = Program(network, array), estimate(Program(network, array)).latency
    compare(program, run_accelerator(program, images, **options), network, images, cycles)


def compare(program: Program, results, network: Network, images, cycles: int):
    """What the accelerator gave with what golden says of ``network``."""
    expected = run(network, images, program.array.arithmetic)
    compare_outputs(program, results, expected, cycles)


def compare_outputs(program: Program, results, expected, cycles: int):
    """What it gave with what it should have stored, and the scores."""
    network = program.network
    for i, (scores, class_index, simulated, stored) in enumerate(results):
        reference = expected[-1][i].ravel()
        assert scores == reference.tolist()
        assert class_index == np.argmax(reference)
        assert simulated == cycles
        for index, layer in enumerate(network.layers[:-1]):
            base = program.out_bases[index]
            values = {address - base: value for at, address, value in stored if at == index}
            assert values == dict(enumerate(expected[index][i].ravel().tolist()))
            assert len(values) == sum(at == index for at, *_ in stored) == layer.out_shape.size


@pytest.mark.parametrize("seed", seeds(6, quick=2))
def test_random_networks_on_random_arrays(seed):
    rng = np.random.default_rng(seed)
    bits = int(rng.integers(2, 6))
    lanes = int(rng.integers(1, 5))
    network = random_network(seed, bits=bits, lanes=lanes, length=1 << int(rng.integers(bits + 1)))
    array = Array(
        channels=int(rng.integers(1, 5)),
        positions=int(rng.integers(1, 6)),
        lanes=lanes * int(rng.integers(1, 3)),
        sharing=list(Sharing)[seed % 2],
    )
    check(network, array, random_images(network, 2))


@pytest.mark.parametrize("seed", seeds(9, quick=3))
@pytest.mark.parametrize(
    "build",
    [random_network, residual_network, grouped_network, dense_network, padded_network],
)
def test_inputs_in_words(build, seed):
    """Of all sizes, along what suits best and along either."""
    along = (None, "channels", "columns")[seed % 3]
    network = worded(build(seed), (2, 4, 8)[(seed + seed // 3) % 3], along)
    array = Array(channels=2, positions=1 + seed % 3, lanes=network.num_lanes)
    check(network, array, random_images(network, 1))


@pytest.mark.parametrize(
    ("inputs", "length", "lanes", "positions"),
    [(1, 1, 1, 1), (2, 2, 1, 3), (2, 2, 1, 4), (3, 2, 1, 6), (3, 4, 2, 6), (5, 1, 3, 6)],
)
def test_tiles_that_take_as_long_as_finding_their_positions(inputs, length, lanes, positions):
    """One channel at a time and few inputs: loader, array and write-back are as fast as each other.

    So it is in layers that work on each channel by itself.
    """
    rng = np.random.default_rng(0)
    common: dict[str, Any] = {"bits": 3, "length": length, "relu": False}
    layer = random_layer(rng, Shape(inputs, 1, 2 * positions), 3, **common)
    first_bank, second_bank = random_bank(rng, 3, 1), random_bank(rng, 3, 1)
    network = Network(
        name="fast", layers=(layer,), activation_bank=first_bank, weight_bank=second_bank
    )
    array = Array(channels=1, positions=positions, lanes=lanes)
    check(network, array, random_images(network, 1))


@pytest.mark.parametrize("seed", range(4))
def test_shortcuts(seed):
    rng = np.random.default_rng(seed)
    lanes = int(rng.integers(1, 4))
    network = residual_network(seed, bits=3, lanes=lanes)
    array = Array(
        channels=int(rng.integers(1, 5)), positions=int(rng.integers(1, 6)), lanes=2 * lanes
    )
    check(network, array, random_images(network, 2))


@pytest.mark.parametrize("seed", seeds(6, quick=1))
@pytest.mark.parametrize("build", [grouped_network, dense_network, projected_network])
def test_groups_concatenation_and_sources(build, seed):
    rng = np.random.default_rng(seed)
    lanes = int(rng.integers(1, 4))
    network = build(seed, bits=3, lanes=lanes)
    array = Array(
        channels=int(rng.integers(1, 5)), positions=int(rng.integers(1, 6)), lanes=2 * lanes
    )
    check(network, array, random_images(network, 2))


@pytest.mark.parametrize("seed", seeds(6, quick=2))
def test_padding_values_dilation_and_padded_pools(seed):
    rng = np.random.default_rng(seed)
    lanes = int(rng.integers(1, 4))
    network = padded_network(seed, bits=2, lanes=lanes)
    array = Array(
        channels=int(rng.integers(1, 5)), positions=int(rng.integers(1, 6)), lanes=2 * lanes
    )
    program = Program(network, array)
    assert program.has_padding_values and program.has_dilation and program.has_shortcut_places
    check(network, array, random_images(network, 2))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_padded_pools_in_stream_mode(seed):
    """A window of four and one of nine neurons, which take turns in tiles of 36."""
    network = streamed(padded_network(seed, bits=3, lanes=2, length=1 << seed))
    array = Array(channels=2, positions=36, lanes=2)
    check(network, array, random_images(network, 1))


@pytest.mark.parametrize("seed", seeds(4, quick=1))
@pytest.mark.parametrize("build", [random_network, grouped_network, dense_network])
def test_stream_mode(build, seed):
    """All layers that may, in streams down to one bit; windows of one and of four neurons.
    Two images where streams are short."""
    rng = np.random.default_rng(seed)
    bits, lanes = int(rng.integers(2, 5)), int(rng.integers(1, 5))
    network = streamed(build(seed, bits=bits, lanes=lanes, length=1 << int(rng.integers(bits + 1))))
    array = Array(
        channels=int(rng.integers(1, 5)),
        positions=4 * int(rng.integers(1, 3)),
        lanes=lanes,
        sharing=list(Sharing)[seed % 2],
    )
    check(network, array, random_images(network, 1 + seed // 2))


def ored(network: Network, or_lanes: int) -> Network:
    return Network.model_validate(dict(network) | {"or_lanes": or_lanes})


@pytest.mark.parametrize(
    ("seed", "or_lanes"),
    [
        (0, 2),
        pytest.param(1, 4, marks=pytest.mark.slow),
        (2, 8),
        pytest.param(3, 2, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("build", [random_network, residual_network, grouped_network])
def test_or_groups(build, or_lanes, seed):
    """Of lanes of the wiring's period, and of several periods; inputs that fill no group."""
    rng = np.random.default_rng(seed)
    bits, lanes = int(rng.integers(2, 5)), int(rng.choice([1, 2, 3, 4]))
    network = build(seed, bits=bits, lanes=lanes, length=1 << int(rng.integers(bits + 1)))
    array = Array(
        channels=int(rng.integers(1, 4)),
        positions=int(rng.integers(1, 5)),
        lanes=int(np.lcm(lanes, or_lanes)),
        sharing=list(Sharing)[seed % 2],
    )
    check(ored(network, or_lanes), array, random_images(network, 1))


def test_or_groups_of_pipelined_counts():
    network = ored(random_network(3, bits=3, lanes=20), 4)
    array = Array(channels=2, positions=4, lanes=20)
    assert array.pipelined
    check(network, array, random_images(network, 1))


def test_stream_mode_of_pipelined_counts():
    network = streamed(random_network(5, bits=3, lanes=20))
    array = Array(channels=2, positions=4, lanes=20)
    assert array.pipelined
    check(network, array, random_images(network, 2))


def test_stream_mode_of_a_pooled_layer_alone():
    """One counter serves the neurons of a window."""
    network = random_network(3, bits=3, lanes=3)
    network = streamed(network, {network.layers[1].name})
    array = Array(channels=2, positions=8, lanes=3)
    assert Program(network, array).stream_windows == (4,)
    check(network, array, random_images(network, 2))


def test_shortcuts_of_channels_without_upscale():
    network = residual_network(1, bits=2, lanes=1)
    layers = [
        layer.model_copy(update={"upscale": np.zeros_like(layer.upscale)})
        for layer in network.layers
    ]
    network = network.model_copy(update={"layers": tuple(layers)})
    array = Array(channels=3, positions=2, lanes=2)
    assert Program(network, array).upscale_bits == 0
    check(network, array, random_images(network, 1))


@pytest.mark.parametrize("stream", [False, True])
def test_pipelined_population_counts(stream):
    network = random_network(3, bits=3, lanes=18)
    network = streamed(network) if stream else network
    array = Array(channels=2, positions=4, lanes=18)
    assert array.pipelined
    check(network, array, random_images(network, 2))


@pytest.mark.parametrize("seed", seeds(4, quick=1))
@pytest.mark.parametrize(
    "build",
    [
        random_network,
        residual_network,
        grouped_network,
        dense_network,
        projected_network,
        pytest.param(padded_network, marks=pytest.mark.slow),
    ],
)
def test_binary_arithmetic(build, seed):
    """Exact products, whatever L is, and of layers in stream mode too; one lane every other time,
    and lanes that are no multiple of the network's."""
    rng = np.random.default_rng(seed)
    bits = int(rng.integers(2, 6))
    network = build(seed, bits=bits, lanes=3, length=1 << int(rng.integers(bits + 1)))
    network = streamed(network) if seed == 3 else network
    array = Array(
        channels=int(rng.integers(1, 5)),
        positions=int(rng.integers(1, 6)),
        lanes=1 if seed % 2 else int(rng.integers(2, 6)),
        arithmetic="binary",
    )
    check(network, array, random_images(network, 2))


@pytest.mark.parametrize("arithmetic", ["binary", "bitserial"])
def test_products_of_full_scale(arithmetic):
    """Every factor is 2^n, a bit more than n, or ones alone: the largest sums of either sign."""
    network = at_full_scale(random_network(2, bits=3, lanes=1))
    array = Array(channels=2, positions=2, lanes=1, arithmetic=arithmetic)
    check(network, array, np.full((1, *network.in_shape), network.one))


@pytest.mark.parametrize("seed", seeds(4, quick=1))
@pytest.mark.parametrize(
    "build", [random_network, residual_network, grouped_network, dense_network, padded_network]
)
def test_bitserial_arithmetic(build, seed):
    """All runs of one accelerator, in any order: of n bits and of fewer, with layers of any L."""
    rng = np.random.default_rng(seed)
    bits = 3 + seed % 3  # the quick one has the fewest
    network = build(seed, bits=bits, lanes=2, length=1 << int(rng.integers(bits + 1)))
    array = Array(
        channels=int(rng.integers(1, 5)),
        positions=int(rng.integers(1, 6)),
        lanes=int(rng.choice([1, 3, 18])),
        arithmetic="bitserial",
    )
    check(network, array, random_images(network, 1))
    program = Program(network, array, run_time_length=True)
    lengths = rng.permutation(list(program.prefixes)).tolist()
    images = random_images(network, len(lengths))
    logs = [length.bit_length() - 1 for length in lengths]
    results = run_accelerator(program, images, lengths=logs)
    for i, length in enumerate(lengths):
        cycles = estimate(program.prefix_programs[length]).latency
        one = slice(i, i + 1)
        expected = run_shorter(network, program.prefixes[length], images[one], "bitserial")
        compare_outputs(program, results[one], expected, cycles)


def test_random_stalls_on_both_streams():
    network = random_network(7, bits=3, lanes=4)
    array = Array(channels=2, positions=2, lanes=4)
    check(network, array, random_images(network, 3), stalls=0.5, seed=3)


@pytest.mark.parametrize(
    ("build", "seed", "bits", "or_lanes"),
    [
        (random_network, 0, 3, 1),
        (random_network, 1, 4, 1),
        pytest.param(residual_network, 2, 4, 1, marks=pytest.mark.slow),
        (residual_network, 3, 3, 1),
        (grouped_network, 4, 3, 1),
        (dense_network, 5, 3, 1),
        pytest.param(random_network, 6, 3, 4, marks=pytest.mark.slow),
        (residual_network, 7, 3, 2),
        pytest.param(padded_network, 8, 3, 1, marks=pytest.mark.slow),
    ],
)
def test_every_prefix_at_run_time(build, seed, bits, or_lanes):
    """One accelerator runs all prefixes, in any order, each like the network that golden makes."""
    rng = np.random.default_rng(seed)
    network = ored(build(seed, bits=bits, lanes=2), or_lanes)
    array = Array(channels=2, positions=int(rng.integers(1, 4)), lanes=4)
    program = Program(network, array, run_time_length=True)
    lengths = rng.permutation(list(program.prefixes)).tolist()
    assert len(lengths) >= 2
    images = random_images(network, len(lengths))
    logs = [length.bit_length() - 1 for length in lengths]
    results = run_accelerator(program, images, lengths=logs, stalls=0.1)
    for i, length in enumerate(lengths):
        prefix = with_prefix(network, length)
        cycles = estimate(Program(prefix, array, run_time_length=True)).latency
        compare(program, results[i : i + 1], prefix, images[i : i + 1], cycles)


def sparse_images(network: Network, shares, seed: int):
    """An image for each share of pixels that are not zero."""
    images = random_images(network, len(shares), seed)
    rng = np.random.default_rng(seed)
    return images * (rng.random(images.shape) < np.reshape(shares, (-1, 1, 1, 1)))


def check_skipping(network: Network, array: Array, images, **options):
    """Cycles of each image follow from which of its chunks are zero; returns those saved."""
    program = Program(network, array, skip_zeros=True)
    zero = zero_chunks(network, array, images, run(network, images))
    cycles = skipping_cycles(program, zero).sum(0) + IMAGE_OVERHEAD
    results = run_accelerator(program, images, **options)
    for i, expected in enumerate(cycles.tolist()):
        compare(program, results[i : i + 1], network, images[i : i + 1], expected)
    return estimate(Program(network, array)).latency - cycles


@pytest.mark.parametrize("along", ["channels", "columns"])
@pytest.mark.parametrize("build", [random_network, padded_network])
def test_zeros_are_skipped_with_inputs_in_words(build, along):
    """Holes are zero whatever lies there in memory."""
    network = worded(build(1), 4, along)
    array = Array(channels=2, positions=2, lanes=network.num_lanes)
    check_skipping(network, array, random_images(network, 1))


@pytest.mark.parametrize("seed", seeds(5, quick=1))
@pytest.mark.parametrize(
    "build",
    [
        random_network,
        residual_network,
        grouped_network,
        pytest.param(padded_network, marks=pytest.mark.slow),
    ],
)
def test_zeros_are_skipped(build, seed):
    """Long streams and short ones, tiles that are over at once, positions that take long to find;
    images of nothing but zeros among others."""
    rng = np.random.default_rng(seed)
    bits, lanes = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    network = build(seed, bits=bits, lanes=lanes, length=1 << int(rng.integers(bits + 1)))
    array = Array(
        channels=int(rng.integers(1, 4)),
        positions=int(rng.integers(1, 12)),
        lanes=lanes * int(rng.integers(1, 3)),
        sharing=list(Sharing)[seed % 2],
    )
    check_skipping(network, array, sparse_images(network, (0, 0.05, 0.3), seed))


@pytest.mark.parametrize(
    ("inputs", "length", "lanes", "positions"),
    [(1, 32, 1, 9), (2, 32, 1, 7), (2, 32, 2, 9), (3, 16, 1, 12), (5, 16, 2, 12)],
)
def test_zeros_are_skipped_while_positions_are_found(inputs, length, lanes, positions):
    """Which takes longer than loading: after some tiles of zeros the streams wait for it."""
    rng = np.random.default_rng(0)
    common: dict[str, Any] = {"bits": 5, "length": length, "relu": False}
    layer = random_layer(rng, Shape(inputs, 1, 8 * positions), 2, **common)
    first_bank, second_bank = random_bank(rng, 5, 1), random_bank(rng, 5, 1)
    network = Network(
        name="fast", layers=(layer,), activation_bank=first_bank, weight_bank=second_bank
    )
    images = random_images(network, 2)
    tiles = rng.random((2, inputs, 1, 8, 1)) < 0.4
    images *= np.broadcast_to(tiles, (2, inputs, 1, 8, positions)).reshape(images.shape)
    array = Array(channels=1, positions=positions, lanes=lanes)
    assert check_skipping(network, array, images).min() > 0


def test_zeros_are_skipped_while_streams_pause():
    network = random_network(7, bits=4, lanes=4)
    array = Array(channels=2, positions=2, lanes=4)
    images = sparse_images(network, (0.1, 0, 0.02), 1)
    saved = check_skipping(network, array, images, stalls=0.5, seed=3)
    assert saved.min() > 0


def test_zeros_are_skipped_where_counts_are_pipelined():
    network = random_network(3, bits=5, lanes=18)
    array = Array(channels=2, positions=4, lanes=18)
    assert array.pipelined
    check_skipping(network, array, sparse_images(network, (0.02, 0.1), 0))


def test_zeros_are_skipped_in_layers_of_different_lengths():
    network = random_network(4, bits=4, lanes=2)
    layers = [
        layer.model_copy(update={"stream_length": 16 >> index})
        for index, layer in enumerate(network.layers)
    ]
    network = network.model_copy(update={"layers": tuple(layers)})
    array = Array(channels=3, positions=3, lanes=2)
    check_skipping(network, array, sparse_images(network, (0.02, 0.1), 0))


def test_zeros_are_skipped_in_every_prefix():
    network, array = random_network(1, bits=4, lanes=2), Array(channels=2, positions=3, lanes=2)
    options: Options = {"run_time_length": True, "skip_zeros": True}
    program = Program(network, array, **options)
    lengths = list(program.prefixes)
    assert len(lengths) >= 2
    images = sparse_images(network, [0.1] * len(lengths), 0)
    logs = [length.bit_length() - 1 for length in lengths]
    results = run_accelerator(program, images, lengths=logs)
    for i, length in enumerate(lengths):
        prefix, image = with_prefix(network, length), images[i : i + 1]
        zero = zero_chunks(prefix, array, image, run(prefix, image))
        cycles = skipping_cycles(Program(prefix, array, **options), zero).sum() + IMAGE_OVERHEAD
        compare(program, results[i : i + 1], prefix, image, cycles)
