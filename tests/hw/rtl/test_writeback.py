import numpy as np
import pytest
from bench_amaranth import simulate
from networks import random_network
from windows import neuron_origins, set_descriptor

from bitrain.rtl import Writeback
from bitrain.spec import Array, Program


def signed(word: int, bits: int) -> int:
    return word - (1 << bits) if word >> (bits - 1) else word


@pytest.mark.parametrize("idle", [0, 3])
@pytest.mark.parametrize(("seed", "channels", "positions"), [(0, 2, 3), (1, 3, 1), (2, 1, 4)])
def test_stores_each_neuron_once(seed, channels, positions, idle):
    network = random_network(seed)
    array = Array(channels=channels, positions=positions, lanes=network.num_lanes)
    program = Program(network, array)
    dut = Writeback(program)
    rng = np.random.default_rng(seed)
    stores, scores, first_cycle = {}, {}, {}
    cycle = 0

    async def biases(ctx):
        """The bias ROM: one cycle."""
        async for _, _, address in ctx.tick().sample(dut.bias_address):
            words = program.bias_words
            ctx.set(dut.bias, words[address % len(words)])

    async def watch(ctx):
        nonlocal cycle
        async for _, _, store, address, activation, valid, index, score, done in ctx.tick().sample(
            dut.store,
            dut.store_address,
            dut.activation,
            dut.score_valid,
            dut.score_index,
            dut.score,
            dut.done,
        ):
            if done:
                first_cycle.setdefault("done", cycle)
            if store:
                assert address not in stores
                stores[address] = activation
                first_cycle.setdefault("store", cycle)
            if valid:
                assert index not in scores
                scores[index] = score
                first_cycle.setdefault("score", cycle)
            cycle += 1

    async def drive(ctx):
        for index, layer in enumerate(network.layers):
            stores.clear()
            first_cycle.clear()
            tiling = program.tilings[index]
            num_positions = len(neuron_origins(layer))
            # Raw counts of every neuron that the tiles have room for.
            counts = rng.integers(
                0,
                layer.num_inputs * layer.stream_length + 1,
                (tiling.channel_tiles * channels, tiling.position_tiles * positions),
            )
            set_descriptor(ctx, dut, program, index)
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            for channel in range(0, counts.shape[0], channels):
                for position in range(0, counts.shape[1], positions):
                    tile = counts[channel : channel + channels, position : position + positions]
                    for i, count in enumerate(tile.T.ravel().tolist()):
                        ctx.set(dut.counts[i], count)
                    ctx.set(dut.done, 1)
                    await ctx.tick()
                    ctx.set(dut.done, 0)
                    await ctx.tick().repeat(array.neurons - 1 + idle)
            finished = ctx.get(dut.finished)
            while not finished:
                await ctx.tick()
                finished = ctx.get(dut.finished)
            await ctx.tick().repeat(2)  # the watcher sees a cycle at its end
            base, size = program.bias_bases[index], layer.out_channels
            constants = [
                signed(word % (1 << program.score_bits), program.score_bits)
                for word in program.bias_words[base : base + size]
            ]
            values = counts[:size, :num_positions] + np.array(constants)[:, None]
            if layer.relu:
                window, scale = tiling.window, 2.0 ** (layer.shift + layer.upscale[:, None])
                values = np.clip(np.floor(values / scale), 0, network.one)
                values = values.reshape(size, -1, window).max(-1).ravel()
                first = program.out_bases[index]
                assert stores == {first + i: v for i, v in enumerate(values.tolist())}
                if tiling.window == 1:
                    assert first_cycle["store"] - first_cycle["done"] == 6
            else:
                assert not stores
                assert scores == dict(enumerate(values.ravel().tolist()))
                assert first_cycle["score"] - first_cycle["done"] == 3

    simulate(dut, drive, background=[biases, watch])
