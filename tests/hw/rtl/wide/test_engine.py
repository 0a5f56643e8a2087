"""Engines wider than one against golden, cycles against the formula."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from banked import beats_of, by_place, stored_places, wide_program, writes
from bench_amaranth import simulate
from networks import (
    dense_network,
    grouped_network,
    many_scores_network,
    padded_network,
    projected_network,
    random_images,
    random_network,
    residual_network,
    retrained,
    worded,
)

from bitrain.accelerator.engines import part
from bitrain.cost import estimate, skipping_cycles
from bitrain.cost.cycles import IMAGE_OVERHEAD, JUDGE_OVERHEAD
from bitrain.golden import run, run_shorter, zero_chunks
from bitrain.program import Array, Program
from bitrain.rtl.engine.engine import Engine
from bitrain.rtl.wide.engine import WideEngine, build_engine
from bitrain.spec import Network


def small_network(seed: int, **options) -> Network:
    return random_network(seed, in_shape=(1, 4, 5), **options)


BUILDERS = [random_network, grouped_network, residual_network]
SLOW_BUILDERS = [padded_network, dense_network, projected_network]


@dataclass
class Run:
    """What an engine made of an image."""

    scores: list
    cycles: int
    """From ``start`` to ``done``, and one more."""
    class_index: int | None
    margin: tuple[int, int] | None
    """And whether there was a single score."""
    stored: dict[int, dict[tuple[int, int], int]]
    """By layer and place."""


async def load(ctx, dut: WideEngine, image: np.ndarray, rng, *, start: bool) -> None:
    """Beat by beat, the last with ``start``; before it some of another image, which is dropped."""
    width, one = dut.program.width, dut.program.network.one
    beats = beats_of(image, width)
    dropped = beats_of(rng.permuted(image, axis=None), width)[: int(rng.integers(len(beats)))]
    for number, beat in enumerate([*dropped, *beats]):
        if number == len(dropped):
            ctx.set(dut.load, 0)
            ctx.set(dut.rewind, 1)
            await ctx.tick()
            ctx.set(dut.rewind, 0)
        ctx.set(dut.load, 1)
        noise = rng.integers(one + 1, size=width - len(beat)).tolist()
        for lane, pixel in enumerate([*beat, *noise]):
            ctx.set(dut.load_activation[lane], pixel)
        last = number == len(dropped) + len(beats) - 1
        ctx.set(dut.start, start and last)
        await ctx.tick()
        if not last and rng.random() < 0.2:
            ctx.set(dut.load, 0)
            await ctx.tick()
    ctx.set(dut.load, 0)
    ctx.set(dut.start, 0)


def run_engine(
    program: Program, images: np.ndarray, lengths: list[int] | None = None, other=None
) -> list[Run]:
    """What a run of each image gives.

    lengths: of each image's streams, where they are chosen. other: a program whose weights are
    loaded first.
    """
    dut, network, rng = WideEngine(program), program.network, np.random.default_rng(0)
    found: list[Run] = []
    stored: dict[int, dict[tuple[int, int], int]] = {}
    words = network.num_scores if network.gives_scores else estimate(program).output_cycles

    async def drive(ctx):
        if other:
            await load_weights(ctx, dut, other)
        for number, image in enumerate(images):
            stored.clear()
            if lengths:
                ctx.set(dut.log_length, lengths[number].bit_length() - 1)
            await load(ctx, dut, image, rng, start=True)
            cycles = 3  # with that of the start, and that of the first score
            while not ctx.get(dut.done):
                cycles += 1
                await ctx.tick()
            judged: tuple[Any, Any] = (None, None)
            if network.gives_scores:
                judged = ctx.get(dut.class_index), None
            if program.early_termination:
                judged = judged[0], (ctx.get(dut.margin), ctx.get(dut.single))
            await ctx.tick().repeat(2)
            scores = []
            for _ in range(words):
                while rng.random() < 0.3:
                    await ctx.tick()
                score = ctx.get(dut.score)
                scores.append(score if network.gives_scores else list(score))
                ctx.set(dut.score_step, 1)
                await ctx.tick()
                ctx.set(dut.score_step, 0)
            found.append(Run(scores, cycles, *judged, stored={**stored}))

    async def watch(ctx):
        async for _, _, layer, store in ctx.tick().sample(dut.layer, dut.store):
            written, before = writes(store), stored.setdefault(layer, {})
            assert not written.keys() & before.keys()
            before.update(written)

    simulate(dut, drive, background=[watch])
    return found


async def load_weights(ctx, dut: WideEngine, other: Program) -> None:
    put = dut.weight_write
    memories = [
        (put.weight, put.weight_address, other.weight_words),
        (put.bias, put.bias_address, other.bias_words),
    ]
    for valid, address, words in memories:
        ctx.set(valid, 1)
        for i, word in enumerate(words):
            ctx.set(address, i)
            ctx.set(put.word, word)
            await ctx.tick()
        ctx.set(valid, 0)


def compare(program: Program, runs: list[Run], outputs: list[np.ndarray]) -> None:
    """With what golden says of all layers, (images, channels, rows, columns) of each."""
    network = program.network
    for number, one in enumerate(runs):
        scores = outputs[-1][number]
        assert one.scores == scores.ravel().tolist()
        assert one.class_index == scores.argmax()
        for index in range(len(network.layers) - 1):
            expected = by_place(stored_places(program, index), outputs[index][number])
            assert one.stored[index] == expected


@pytest.mark.parametrize(
    "build",
    [*BUILDERS, *(pytest.param(build, marks=pytest.mark.slow) for build in SLOW_BUILDERS)],
)
@pytest.mark.parametrize(
    ("seed", "width", "channels", "positions"),
    [
        (0, 4, 4, 2),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in [(1, 2, 4, 3), (2, 2, 2, 1)]),
        pytest.param(3, 8, 8, 1, marks=pytest.mark.slow),
    ],
)
def test_random_networks(build, seed, width, channels, positions):
    program = wide_program(build(seed, bits=3, lanes=4), width, channels, positions)
    images = random_images(program.network, 1 + seed % 2, seed)
    runs = run_engine(program, images)
    compare(program, runs, run(program.network, images))
    assert {one.cycles for one in runs} == {estimate(program).latency}


@pytest.mark.parametrize("width", [2, 4])
def test_more_scores_than_activations(width):
    """Their memory has more addresses than that of the activations."""
    program = wide_program(many_scores_network(), width, 4, 2)
    assert program.result_address_bits > program.address_bits
    images = random_images(program.network, 1)
    compare(program, run_engine(program, images), run(program.network, images))


@pytest.mark.parametrize(
    "build", [small_network, pytest.param(padded_network, marks=pytest.mark.slow)]
)
def test_integers_need_no_words(build):
    network = build(3, bits=3, lanes=4)
    array = Array(channels=4, positions=2, lanes=4, width=4, arithmetic="binary")
    program = Program(network, array)
    images = random_images(network, 1)
    runs = run_engine(program, images)
    compare(program, runs, run(network, images, "binary"))
    assert runs[0].cycles == estimate(program).latency


@pytest.mark.parametrize(
    "build", [grouped_network, pytest.param(padded_network, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("width", [pytest.param(2, marks=pytest.mark.slow), 4])
def test_zeros_are_skipped(build, width):
    program = wide_program(build(2, bits=3, lanes=4), width, 4, 2, skip_zeros=True)
    network = program.network
    images = random_images(network, 2) * np.array([1, 0])[:, None, None, None]
    outputs = run(network, images)
    zero = zero_chunks(network, program.array, images, outputs)
    runs = run_engine(program, images)
    compare(program, runs, outputs)
    judging = network.num_scores + JUDGE_OVERHEAD
    expected = skipping_cycles(program, zero).sum(0) + IMAGE_OVERHEAD + judging
    assert [one.cycles for one in runs] == expected.tolist()
    assert runs[1].cycles < estimate(program).latency


@pytest.mark.parametrize(
    "build", [small_network, pytest.param(residual_network, marks=pytest.mark.slow)]
)
def test_lengths_and_margins(build):
    program = wide_program(build(1, bits=3, lanes=4), 2, 4, 2, early_termination=True)
    lengths = list(program.prefixes)
    assert len(lengths) > 2
    images = np.repeat(random_images(program.network, 1), len(lengths), axis=0)
    for one, length in zip(run_engine(program, images, lengths), lengths, strict=True):
        prefix = program.prefix_programs[length]
        outputs = run(prefix.network, images[:1])
        compare(program, [one], outputs)
        best, second = np.sort(outputs[-1].ravel())[:-3:-1].tolist()
        assert one.margin == (best - second, 0)
        assert one.cycles == estimate(prefix).latency


@pytest.mark.parametrize("width", [2, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "build",
    [small_network, residual_network, pytest.param(padded_network, marks=pytest.mark.slow)],
)
def test_bitserial_runs_and_margins(build, width):
    array = Array(channels=4, positions=2, lanes=8, width=width, arithmetic="bitserial")
    program = Program(build(1, bits=4, lanes=4), array, early_termination=True)
    lengths = list(program.prefixes)
    assert len(lengths) == 3
    images = np.repeat(random_images(program.network, 1), len(lengths), axis=0)
    for one, length in zip(run_engine(program, images, lengths), lengths, strict=True):
        shorter = program.prefixes[length]
        outputs = run_shorter(program.network, shorter, images[:1], "bitserial")
        compare(program, [one], outputs)
        best, second = np.sort(outputs[-1].ravel())[:-3:-1].tolist()
        assert one.margin == (best - second, 0)
        assert one.cycles == estimate(program.prefix_programs[length]).latency


def test_other_weights():
    program = wide_program(small_network(1, bits=3, lanes=4), 2, 4, 2, weights="ram")
    network = retrained(program.network)
    images = random_images(network, 1)
    other = Program(network, program.array, weights="ram")
    compare(program, run_engine(program, images, other=other), run(network, images))


@pytest.mark.parametrize("width", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_a_part_gives_beats(width):
    """Its last layer's activations, a row after the other."""
    whole = residual_network(1, bits=3, lanes=4)
    network = part(worded(whole, width), 0, 3)
    program = Program(network, Array(channels=4, positions=2, lanes=4, width=width))
    assert not network.gives_scores
    images = random_images(network, 2)
    outputs = run(network, images)
    for number, one in enumerate(run_engine(program, images)):
        beats = beats_of(outputs[-1][number], width)
        pairs = zip(one.scores, beats, strict=True)
        assert [found[: len(beat)] for found, beat in pairs] == beats
        assert one.cycles == estimate(program).latency
        expected = by_place(stored_places(program, 1), outputs[1][number])
        assert one.stored[1] == expected


def test_the_engine_of_a_program():
    network = random_network(0, lanes=4)
    assert type(build_engine(Program(network, Array(lanes=4)))) is Engine
    assert type(build_engine(wide_program(network, 2, 2, 1))) is WideEngine
