"""Scores go to banks and come in C order."""

import random

import numpy as np
import pytest
from banked import by_place, score_places, wide_program
from bench_amaranth import simulate
from networks import grouped_network, random_network, residual_network

from bitrain.rtl.wide.scores import ScoreBanks
from bitrain.spec import Network, Shape


def a_single_score() -> Network:
    return random_network(0, lanes=4, classes=1)


CASES = [
    (random_network(0, lanes=4, classes=9), 4),
    (a_single_score(), 2),
    (residual_network(0, lanes=4), 2),
    (residual_network(1, lanes=4), 4),
    (grouped_network(1, lanes=4), 8),
]


@pytest.mark.parametrize(("network", "width"), CASES)
def test_scores_are_shown_in_c_order(network, width):
    program = wide_program(network, width, width, 1)
    dut, rng = ScoreBanks(program), np.random.default_rng(width)
    pauses = random.Random(width)
    shape = Shape(*network.layers[-1].out_shape)
    count, low = network.num_scores, -(1 << (program.score_bits - 1))

    async def read(ctx, expected: list[int], most: int) -> None:
        """The first ``most`` of them, after a restart."""
        ctx.set(dut.restart, 1)
        await ctx.tick()
        ctx.set(dut.restart, 0)
        await ctx.tick()
        for i, score in enumerate(expected[:most]):
            while pauses.random() < 0.3:
                await ctx.tick()
                assert ctx.get(dut.score) == score
            assert ctx.get(dut.score) == score
            assert ctx.get(dut.index) == i and ctx.get(dut.last) == (i == count - 1)
            ctx.set(dut.step, 1)
            await ctx.tick()
            ctx.set(dut.step, 0)

    async def testbench(ctx):
        for _ in range(3):
            scores = rng.integers(low, -low, shape)
            waiting = list(by_place(score_places(shape, width), scores).items())
            pauses.shuffle(waiting)
            while waiting:  # one for each bank at the most
                chosen = {bank: (word, score) for (bank, word), score in waiting}
                waiting = [each for each in waiting if chosen[each[0][0]][0] != each[0][1]]
                ctx.set(dut.write.enable, sum(1 << bank for bank in chosen))
                for bank, (word, score) in chosen.items():
                    ctx.set(dut.write.address[bank], word)
                    ctx.set(dut.write.number[bank], score)
                await ctx.tick()
            ctx.set(dut.write.enable, 0)
            expected = scores.ravel().tolist()
            for most in (count // 2, count, count):
                await read(ctx, expected, most)

    simulate(dut, testbench)


def test_there_are_scores_of_several_pixels():
    planes = [network.layers[-1].out_shape.plane for network, _ in CASES]
    assert max(planes) > 1 == min(planes)
