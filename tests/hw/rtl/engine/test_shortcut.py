"""What a shortcut reads and gives for each neuron that leaves, from the words of the contract."""

import numpy as np
import pytest
from bench_amaranth import simulate
from networks import padded_network, residual_network
from results import added_elements
from windows import neuron_positions, set_descriptor

from bitrain.program import Array, Program
from bitrain.rtl.engine.shortcut import Shortcut


def expected_reads(program: Program, index: int) -> np.ndarray:
    """Address for each channel and position; -1 where nothing is added."""
    layer = program.network.layers[index]
    found = np.full((layer.out_channels, len(neuron_positions(layer))), -1)
    if shortcut := layer.shortcut:
        _, height, width = program.network.added_shape(shortcut.source)
        base = program.out_bases[shortcut.source]
        for place, (c, row, column) in added_elements(program, index).items():
            found[place] = base + (c * height + row) * width + column
    return found


RESIDUAL = [(residual_network, 1), (residual_network, 2)]


@pytest.mark.parametrize("rest", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("build", "channels"), [*RESIDUAL, (padded_network, 1)])
def test_products(build, seed, channels, rest):
    """Three cycles after each neuron, channel by channel; channels beyond the last are unused."""
    network = build(seed)
    program = Program(network, Array(channels=channels, positions=2, lanes=4))
    dut, rng = Shortcut(program), np.random.default_rng(seed)
    ram = rng.integers(0, network.one + 1, 1 << program.address_bits)

    async def memory(ctx):
        async for _, _, address in ctx.tick().sample(dut.address):
            ctx.set(dut.activation, int(ram[address]))

    async def drive(ctx):
        for index, layer in enumerate(network.layers):
            reads, gain = expected_reads(program, index), program.descriptors[index].shortcut_gain
            assert gain or not layer.shortcut
            set_descriptor(ctx, dut, program, index)
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            num_channels, num_positions = reads.shape
            leaving: list[int | None] = []
            steps = [
                (first + p, position, p == channels - 1, position == num_positions - 1)
                for first in range(0, num_channels, channels)
                for position in range(num_positions)
                for p in range(channels)
            ]
            for channel, position, tile_end, last_position in steps:
                exists = channel < num_channels
                read = int(reads[channel, position]) if exists else -1
                ctx.set(dut.step, 1)
                ctx.set(dut.channel, channel)
                ctx.set(dut.position_end, tile_end)
                ctx.set(dut.tiles_end, tile_end and last_position)
                if read >= 0:
                    assert ctx.get(dut.address) == read
                leaving.append(None if not exists else gain * int(ram[read]) if read >= 0 else 0)
                await ctx.tick()
                for _ in range(2 * rest):
                    check(ctx, leaving)
                    ctx.set(dut.step, 0)
                    leaving.append(None)
                    await ctx.tick()
                check(ctx, leaving)
            ctx.set(dut.step, 0)

    def check(ctx, leaving):
        if len(leaving) > 2 and leaving[-3] is not None:
            assert ctx.get(dut.product) == leaving[-3]

    simulate(dut, drive, background=[memory])
