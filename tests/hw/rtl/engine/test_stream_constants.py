from bench_amaranth import simulate
from networks import random_network, streamed
from windows import set_descriptor

from bitrain.program import Array, Program
from bitrain.rtl.engine.stream_constants import StreamConstants
from bitrain.spec.stream import first_emitting, threshold_bits


def test_constants_of_every_tile():
    network = streamed(random_network(4, bits=3, lanes=3))
    array = Array(channels=2, positions=4, lanes=3)
    program = Program(network, array)
    dut = StreamConstants(program)
    state = program.stream_widths.state

    async def memory(ctx):
        async for _, _, address in ctx.tick().sample(dut.address):
            ctx.set(dut.word.as_value(), program.stream_words[address % len(program.stream_words)])

    async def drive(ctx):
        for index, layer in enumerate(network.layers):
            tiling = program.tilings[index]
            set_descriptor(ctx, dut, program, index)
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            await ctx.tick().repeat(2)
            for tile in range(tiling.tiles):
                await ctx.tick()
                channel = tile // tiling.position_tiles * array.channels
                for p in range(min(array.channels, layer.out_channels - channel)):
                    check(ctx, layer, channel + p, dut.constants[p])
                ctx.set(dut.tile_end, 1)
                await ctx.tick()
                ctx.set(dut.tile_end, 0)

    def check(ctx, layer, channel, constants):
        start, negatives = (ctx.get(x) for x in (constants.start, constants.negatives))
        if layer.neuron == "counter":
            assert start == 0
            return
        first = first_emitting(layer, array.lanes)
        weights, theta = layer.weight_matrix[channel], 2 ** threshold_bits(layer, network.bits)
        assert negatives == (weights[first:] < 0).sum()
        assert ctx.get(constants.fired) == negatives + theta[channel]
        counted = layer.stream_length * (weights[:first] < 0).sum()
        assert start == (layer.bias[channel] - counted - theta[channel]) % (1 << state)

    simulate(dut, drive, background=[memory])
