"""Engines in a row in Amaranth's own simulator against golden; cycles against the schedule."""

import random
from fractions import Fraction

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from bench_amaranth import simulate
from fed import Sender, Supply
from networks import (
    compiled,
    dense_network,
    projected_network,
    random_images,
    random_network,
    residual_network,
)

from bitrain.accelerator import Engines
from bitrain.accelerator.engines import cuts
from bitrain.cost.weight_stream import WeightFeed, latency_fed
from bitrain.golden import run
from bitrain.program import Array
from bitrain.rtl.ports.pipelined_accelerator import PipelinedAccelerator
from bitrain.spec import Network


def run_pipeline(pipeline: Engines, images, *, stalls: float = 0.0):
    """Scores, class index and cycles of each image, cycles in between, and what engines store."""
    dut = PipelinedAccelerator(pipeline)
    rng = random.Random(0)
    answers, loaded = [], []
    stored: list[list[tuple[int, int, int]]] = [[] for _ in dut.engines]
    clock = [0]

    async def drive(ctx):
        size = pipeline.network.in_shape.size
        for i, pixel in enumerate(images.ravel().tolist()):
            while rng.random() < stalls:
                ctx.set(dut.pixels.valid, 0)
                await ctx.tick()
            ctx.set(dut.pixels.valid, 1)
            ctx.set(dut.pixels.payload, pixel)
            await ctx.tick().until(dut.pixels.ready)
            if (i + 1) % size == 0:
                loaded.append(clock[0])
        ctx.set(dut.pixels.valid, 0)

    async def collect(ctx):
        for _ in images:
            scores, last, cycles = [], False, None
            while not last:
                while rng.random() < stalls:
                    ctx.set(dut.scores.ready, 0)
                    await ctx.tick()
                ctx.set(dut.scores.ready, 1)
                word, cycles = (
                    await ctx.tick().sample(dut.scores.payload, dut.cycles).until(dut.scores.valid)
                )
                ctx.set(dut.scores.ready, 0)
                scores.append(word.score)
                last = bool(word.last)
            answers.append((scores, ctx.get(dut.class_index), cycles))
        assert not ctx.get(dut.busy)

    async def count(ctx):
        async for _ in ctx.tick():
            clock[0] += 1

    def watch(i):
        trace = getattr(dut, f"trace{i}")

        async def watched(ctx):
            async for _, _, valid, *values in ctx.tick().sample(
                trace.valid, trace.layer, trace.address, trace.data
            ):
                if valid:
                    stored[i].append(tuple(values))

        return watched

    background = [count, *(watch(i) for i in range(len(dut.engines)))]
    simulate(dut, drive, collect, background=background)
    return answers, np.diff(loaded).tolist(), stored


def check(network: Network, engines: int, *, stalls: float = 0.0, arithmetic: str = "stochastic"):
    lanes = network.num_lanes if arithmetic == "stochastic" else 1
    array = Array(channels=2, positions=2, lanes=lanes, arithmetic=arithmetic)
    pipeline = compiled(network, array, engines=engines)
    images = random_images(network, 3)
    answers, intervals, stored = run_pipeline(pipeline, images, stalls=stalls)
    expected = run(network, images, arithmetic)
    for i, (scores, class_index, _) in enumerate(answers):
        assert scores == expected[-1][i].ravel().tolist()
        assert class_index == np.argmax(expected[-1][i])
    begin = 0
    for program, values in zip(pipeline.programs, stored, strict=True):
        layers = program.network.layers
        inner = layers[: len(layers) - program.network.gives_scores]
        sizes = [layer.out_shape.size for layer in inner]
        assert len(values) == len(images) * sum(sizes)
        for k in range(len(images)):
            own = values[k * sum(sizes) : (k + 1) * sum(sizes)]
            for index in range(len(inner)):
                base = program.out_bases[index]
                found = {address - base: value for at, address, value in own if at == index}
                reference = expected[begin + index][k].ravel().tolist()
                assert found == dict(enumerate(reference))
        begin += len(layers)
    cycles, predicted = pipeline.cost.at_full_rate(len(images))
    if stalls:
        assert all(found >= cycles[0] for *_, found in answers)
    else:
        assert [found for *_, found in answers] == cycles
        assert intervals == predicted
    assert cycles[0] == pipeline.cost.latency
    assert predicted[-1] == pipeline.cost.initiation_interval


def small(seed: int) -> Network:
    return random_network(seed, bits=3, lanes=2, length=4, in_shape=(2, 5, 5))


@pytest.mark.parametrize("seed", range(2))
def test_random_networks_on_as_many_engines_as_they_can_have(seed):
    network = small(seed)
    check(network, 1 + len(list(cuts(network))))


@pytest.mark.parametrize(
    "make",
    [
        projected_network,
        pytest.param(residual_network, marks=pytest.mark.slow),
        pytest.param(dense_network, marks=pytest.mark.slow),
    ],
)
def test_networks_that_are_cut_between_blocks(make):
    """What a part adds, or lies behind, may be the map that it is given."""
    network = make(1, bits=3, lanes=2, length=4)
    assert 0 < len(list(cuts(network))) < len(network.layers) - 1
    check(network, 2)


def test_binary_arithmetic():
    check(small(2), 2, arithmetic="binary")


def test_streams_that_pause():
    check(small(1), 2, stalls=0.3)


def run_fed(pipeline: Engines, images, supply: Supply):
    """Scores and cycles of each image, cycles in between, and errors of frames of weights."""
    m, now = Module(), Signal(32)
    m.submodules.dut = dut = PipelinedAccelerator(pipeline)
    m.d.sync += now.eq(now + 1)
    # Each stream has pauses and broken frames of its own.
    supplies = [Supply(**{**vars(supply), "seed": i}) for i in range(len(dut.engines))]
    pairs = zip(pipeline.programs, supplies, strict=True)
    senders = [Sender(program, own, now) for program, own in pairs]
    answers, loaded, errors = [], [], [0, 0]

    async def drive(ctx):
        while supply.is_even and not all(sender.is_full for sender in senders):
            await ctx.tick()
        for image in images:
            for pixel in image.ravel().tolist():
                ctx.set(dut.pixels.valid, 1)
                ctx.set(dut.pixels.payload, pixel)
                await ctx.tick().until(dut.pixels.ready)
            loaded.append(ctx.get(now) - 1)
            for sender in senders:
                sender.origin = loaded[0]
        ctx.set(dut.pixels.valid, 0)

    async def collect(ctx):
        ctx.set(dut.scores.ready, 1)
        for _ in images:
            scores, last, cycles = [], False, None
            while not last:
                word, cycles = (
                    await ctx.tick().sample(dut.scores.payload, dut.cycles).until(dut.scores.valid)
                )
                scores.append(word.score)
                last = bool(word.last)
            answers.append((scores, cycles))

    async def watch(ctx):
        async for _, _, *found in ctx.tick().sample(dut.weights_early, dut.weights_missing):
            errors[:] = [total + each for total, each in zip(errors, found, strict=True)]

    def sending(i):
        async def send(ctx):
            await senders[i].send(ctx, getattr(dut, f"weights{i}"))

        return send

    simulate(m, drive, collect, background=[watch, *map(sending, range(len(senders)))])
    return answers, np.diff(loaded).tolist(), errors


@pytest.mark.parametrize(
    "supply",
    [
        Supply(),
        pytest.param(Supply(rate=Fraction(2, 5)), marks=pytest.mark.slow),
        Supply(pauses=0.2, broken=0.4),
    ],
    ids=["full", "limited", "broken"],
)
def test_engines_with_a_stream_of_weights_each(supply):
    network = random_network(3, bits=2, lanes=2, length=2, in_shape=(1, 4, 4))
    array = Array(channels=2, positions=4, lanes=2)
    pipeline = compiled(network, array, engines=2, weights="stream", weight_beat=8)
    images = random_images(network, 3)
    answers, intervals, errors = run_fed(pipeline, images, supply)
    expected = run(network, images)[-1]
    assert [scores for scores, _ in answers] == [each.ravel().tolist() for each in expected]
    if not supply.is_even:
        assert min(errors) > 0
        return
    feeds = [WeightFeed(program, supply.rate) for program in pipeline.programs]

    def cycles(engine: int, image: int, taken: int) -> int:
        del image
        return latency_fed([pipeline.programs[engine]], feeds[engine], taken)

    found, predicted = pipeline.cost.at_full_rate(len(images), cycles)
    assert [cycles for _, cycles in answers] == found
    assert intervals == predicted
