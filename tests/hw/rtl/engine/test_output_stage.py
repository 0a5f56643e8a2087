import numpy as np
import pytest
from bench_amaranth import simulate
from networks import grouped_network, padded_network, random_network, residual_network
from results import results
from windows import set_descriptor

from bitrain.program import Array, Program
from bitrain.rtl.engine.output_stage import OutputStage
from bitrain.spec import Layer

BUILDERS = [random_network, residual_network, grouped_network, padded_network]


def added_map(program: Program, layer: Layer, ram: np.ndarray) -> np.ndarray | None:
    """The map that a layer's shortcut adds."""
    if not (shortcut := layer.shortcut):
        return None
    shape = program.network.added_shape(shortcut.source)
    base = program.out_bases[shortcut.source] if shortcut.source >= 0 else 0
    return ram[base:][: shape.size].reshape(shape)


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("idle", [0, 3])
@pytest.mark.parametrize(("seed", "channels", "positions"), [(0, 2, 3), (1, 3, 1), (2, 1, 4)])
def test_stores_each_neuron_once(seed, channels, positions, idle, build):
    network = build(seed)
    array = Array(channels=channels, positions=positions, lanes=network.num_lanes)
    program = Program(network, array)
    dut = OutputStage(program)
    rng = np.random.default_rng(seed)
    ram = rng.integers(0, network.one + 1, 1 << program.address_bits)
    later = int(program.has_shortcut)
    stores, scores, first_cycle = {}, {}, {}
    going_on = np.zeros(array.neurons, int)
    cycle = 0

    async def biases(ctx):
        """The bias ROM: one cycle."""
        async for _, _, address in ctx.tick().sample(dut.bias_address):
            words = program.bias_words
            ctx.set(dut.bias, words[address % len(words)])

    async def activations(ctx):
        """The activation RAM: one cycle."""
        async for _, _, address in ctx.tick().sample(dut.shortcut_address):
            ctx.set(dut.shortcut_activation, int(ram[address]))

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
        nonlocal going_on
        for index, layer in enumerate(network.layers):
            stores.clear()
            first_cycle.clear()
            tiling = program.tilings[index]
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
                    going_on += tile.T.ravel()
                    for i, count in enumerate(going_on % (1 << program.count_bits)):
                        ctx.set(dut.counts[i], int(count))
                    ctx.set(dut.done, 1)
                    await ctx.tick()
                    ctx.set(dut.done, 0)
                    await ctx.tick().repeat(array.neurons - 1 + idle)
            finished = ctx.get(dut.finished)
            while not finished:
                await ctx.tick()
                finished = ctx.get(dut.finished)
            await ctx.tick().repeat(2)  # the watcher sees a cycle at its end
            values = results(program, index, counts, added_map(program, layer, ram)).ravel()
            if layer.relu:
                first = program.out_bases[index]
                assert stores == {first + i: v for i, v in enumerate(values.tolist())}
                if tiling.window == 1:
                    assert first_cycle["store"] - first_cycle["done"] == 7 + later
            else:
                assert not stores
                assert scores == dict(enumerate(values.tolist()))
                assert first_cycle["score"] - first_cycle["done"] == 4 + later

    simulate(dut, drive, background=[biases, watch, *([activations] if later else [])])
