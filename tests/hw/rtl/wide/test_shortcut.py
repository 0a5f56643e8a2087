"""What a shortcut reads and gives for W neurons that leave, from the words of the contract."""

from itertools import product

import numpy as np
import pytest
from banked import stored_places, wide_program
from bench_amaranth import simulate
from networks import dense_network, grouped_network, padded_network, residual_network
from results import added_elements
from windows import neuron_positions, set_descriptor

from bitrain.rtl.wide.shortcut import WideShortcut

BUILDERS = [residual_network, grouped_network, padded_network, dense_network]
SHAPES = [(0, 2, 2), (1, 2, 4), (2, 4, 4), (3, 4, 8), (4, 8, 8)]
"""A seed, W and P."""
CASES = [
    (build, *shape)
    for build in BUILDERS
    for shape in SHAPES
    if build is not grouped_network or shape[0] % 2 == 0  # else it has no shortcut
]


@pytest.mark.parametrize("rest", [False, True])
@pytest.mark.parametrize(("build", "seed", "width", "channels"), CASES)
def test_products(build, seed, width, channels, rest):
    """Three cycles after the neurons; those beyond the last of a group are unused."""
    program = wide_program(build(seed, lanes=4), width, channels, 2)
    network, dut, rng = program.network, WideShortcut(program), np.random.default_rng(seed)
    ram = rng.integers(1, network.one + 1, (width, 1 << program.address_bits))

    async def memory(ctx):
        async for _, _, addresses in ctx.tick().sample(dut.addresses):
            for bank, address in enumerate(addresses):
                ctx.set(dut.activations[bank], int(ram[bank, address]))

    # Of each cycle, by lane; None where it matters to nobody.
    expected: list[list[int | None]] = [[None] * width] * 2
    compared = 0

    async def pass_cycle(ctx, products: list[int | None]) -> None:
        nonlocal compared
        expected.append(products)
        await ctx.tick()
        ctx.set(dut.step, 0)
        for lane, number in enumerate(expected[-3]):
            if number is not None:
                compared += number > 0
                assert ctx.get(dut.products[lane]) == number

    async def drive(ctx):
        for index, layer in enumerate(network.layers):
            elements, size = added_elements(program, index), layer.group_channels
            gain = layer.shortcut.gain if layer.shortcut else 0
            banks, words = stored_places(program, layer.shortcut.source if layer.shortcut else -1)
            positions = len(neuron_positions(layer))
            set_descriptor(ctx, dut, program, index)
            ctx.set(dut.restart, 1)
            await pass_cycle(ctx, [None] * width)
            ctx.set(dut.restart, 0)
            for group, tile, position, turn in product(
                range(layer.groups),
                range(0, size, channels),
                range(positions),
                range(0, channels, width),
            ):
                member, position_end = tile + turn, turn == channels - width
                ctx.set(dut.step, 1)
                ctx.set(dut.channel, group * size + member)
                ctx.set(dut.position_end, position_end)
                ctx.set(dut.tiles_end, position_end and position == positions - 1)
                ctx.set(dut.group_end, program.has_groups and member + width >= size)
                products: list[int | None] = [None] * width
                for lane in range(min(width, size - member)):
                    products[lane] = 0
                    if element := elements.get((group * size + member + lane, position)):
                        bank, word = int(banks[element]), int(words[element])
                        assert ctx.get(dut.addresses[bank]) == word
                        products[lane] = gain * int(ram[bank, word])
                await pass_cycle(ctx, products)
                if rest:
                    await pass_cycle(ctx, [None] * width)
            for _ in range(3):
                await pass_cycle(ctx, [None] * width)

    simulate(dut, drive, background=[memory])
    assert compared
