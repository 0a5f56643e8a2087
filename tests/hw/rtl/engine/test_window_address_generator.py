import pytest
from bench_amaranth import simulate
from networks import grouped_network, padded_network, random_network
from windows import set_descriptor, tiles_of_positions

from bitrain.program import Array, Program
from bitrain.rtl.engine.window_address_generator import WindowAddressGenerator


@pytest.mark.parametrize("positions", [1, 3, 4])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("build", [random_network, grouped_network, padded_network])
def test_positions_follow_the_contract(build, seed, positions):
    network = build(seed)
    program = Program(network, Array(channels=2, positions=positions, lanes=network.num_lanes))
    dut = WindowAddressGenerator(program)
    coordinates, addresses = 1 << program.coordinate_bits, 1 << program.address_bits

    async def testbench(ctx):
        for index, layer in enumerate(network.layers):
            set_descriptor(ctx, dut, program, index)
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            waiting, channel_tiles = positions, program.tilings[index].channel_tiles
            for channel_tile in range(channel_tiles):
                group = channel_tile // (channel_tiles // layer.groups)
                first = program.in_bases[index] + group * layer.in_shape.size // layer.groups
                for tile in tiles_of_positions(program, index):
                    for _ in range(waiting):
                        assert not ctx.get(dut.ready)
                        await ctx.tick()
                    assert ctx.get(dut.ready)  # Q + 1 cycles after restart, Q after take
                    waiting = positions - 1
                    for q, (row, column) in enumerate(tile):
                        position = dut.positions[q]
                        address = first + row * layer.in_shape.width + column
                        assert ctx.get(position.row) == row % coordinates
                        assert ctx.get(position.column) == column % coordinates
                        assert ctx.get(position.address) == address % addresses
                    ctx.set(dut.take, 1)
                    await ctx.tick()
                    ctx.set(dut.take, 0)

    simulate(dut, testbench)
