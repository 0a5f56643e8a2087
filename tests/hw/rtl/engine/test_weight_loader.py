"""What the loader writes where, and what it refuses."""

import random

import pytest
from bench_amaranth import simulate
from networks import random_network, retrained

from bitrain.host import weight_image
from bitrain.program import Array, Program
from bitrain.rtl.engine.weight_loader import WeightLoader

NETWORK = random_network(4, bits=3, lanes=2, in_shape=(1, 4, 4))


def loader(channels: int) -> tuple[Program, WeightLoader]:
    program = Program(NETWORK, Array(channels=channels, positions=1, lanes=2), weights="ram")
    return program, WeightLoader(program)


async def give(ctx, dut, data: int, *, seek=False, whole=True, busy=False) -> bool:
    """Whether it is refused."""
    settings = {"data": data, "seek": seek, "put": not seek, "whole": whole, "busy": busy}
    for name, value in settings.items():
        ctx.set(getattr(dut, name), int(value))
    _, _, refused = await ctx.tick().sample(dut.refused)
    ctx.set(dut.seek, 0)
    ctx.set(dut.put, 0)
    return bool(refused)


@pytest.mark.parametrize("channels", [1, 6, 7, 13, 20])
def test_entries_are_those_of_the_memories(channels):
    """Of 5, 30, 35, 65 and 100 bits, with what is refused in between."""
    program, dut = loader(channels)
    other, rng = retrained(NETWORK), random.Random(channels)
    words = weight_image(program, other).tolist()
    assert len(words) == dut.num_words
    written = {"weight": {}, "bias": {}}

    async def testbench(ctx):
        for i, word in enumerate(words):
            if rng.random() < 0.3:
                wrong = rng.choice([{"whole": False}, {"busy": True}])
                assert await give(ctx, dut, rng.getrandbits(32), **wrong)
            assert ctx.get(dut.address) == i
            assert not await give(ctx, dut, word)
        assert await give(ctx, dut, 0)
        assert ctx.get(dut.address) == len(words)

    async def watch(ctx):
        write = dut.write
        ports = [(write.weight, write.weight_address), (write.bias, write.bias_address)]
        signals = [signal for port in ports for signal in port]
        async for _, _, word, *found in ctx.tick().sample(write.word, *signals):
            for name, valid, address in zip(written, found[::2], found[1::2], strict=True):
                if valid:
                    assert address not in written[name]
                    written[name][address] = word

    simulate(dut, testbench, background=[watch])
    expected = Program(other, program.array, weights="ram")
    width = channels * program.weight_bits
    found = {address: word & (1 << width) - 1 for address, word in written["weight"].items()}
    assert found == dict(enumerate(expected.weight_words))
    width = program.bias_word_bits
    found = {address: word & (1 << width) - 1 for address, word in written["bias"].items()}
    assert found == dict(enumerate(expected.bias_words))


def test_addresses():
    _, dut = loader(1)

    async def testbench(ctx):
        size = dut.num_words
        for address, wrong in ((size, False), (0, False), (size + 1, True), (1 << 31, True)):
            before = ctx.get(dut.address)
            assert await give(ctx, dut, address, seek=True, busy=True) == wrong
            assert ctx.get(dut.address) == (before if wrong else address)
        assert await give(ctx, dut, 1, seek=True, whole=False)

    simulate(dut, testbench)
