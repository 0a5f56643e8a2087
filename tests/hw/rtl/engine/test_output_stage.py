import numpy as np
import pytest
from bench_amaranth import simulate
from networks import grouped_network, padded_network, random_network, residual_network
from windows import neuron_positions, set_descriptor

from bitrain.program import Array, Program
from bitrain.rtl.engine.output_stage import OutputStage
from bitrain.spec import Layer

BUILDERS = [random_network, residual_network, grouped_network, padded_network]


def signed(word: int, bits: int) -> int:
    return word - (1 << bits) if word >> (bits - 1) else word


def added_by_shortcut(program: Program, layer: Layer, ram: np.ndarray) -> np.ndarray:
    """What each neuron gets, (channels, positions), from the words of the contract."""
    positions = neuron_positions(layer)
    added = np.zeros((layer.out_channels, len(positions)), int)
    if shortcut := layer.shortcut:
        channels, height, width = program.network.added_shape(shortcut.source)
        base = program.out_bases[shortcut.source] if shortcut.source >= 0 else 0
        stored = ram[base:][: channels * height * width]
        stored = stored.reshape(channels, height, width)
        for c in range(channels):
            o = c + shortcut.before
            for i, (y, x) in enumerate(positions):
                activation = stored[c, y * shortcut.stride[0], x * shortcut.stride[1]]
                added[o, i] = shortcut.gain * activation << layer.upscale[o]
    return added


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
            num_positions = len(neuron_positions(layer))
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
            base, size = program.bias_bases[index], layer.out_channels
            groups = np.split(counts, layer.groups)
            counts = np.concatenate([group[: layer.group_channels] for group in groups])
            constants = [
                signed(word % (1 << program.score_bits), program.score_bits)
                for word in program.bias_words[base : base + size]
            ]
            values = counts[:, :num_positions] + np.array(constants)[:, None]
            values += added_by_shortcut(program, layer, ram)
            if layer.relu:
                window, scale = tiling.window, 2.0 ** (layer.shift + layer.upscale[:, None])
                values = np.clip(np.floor(values / scale), 0, network.one)
                values = values.reshape(size, -1, window).max(-1).ravel()
                first = program.out_bases[index]
                assert stores == {first + i: v for i, v in enumerate(values.tolist())}
                if tiling.window == 1:
                    assert first_cycle["store"] - first_cycle["done"] == 6 + later
            else:
                assert not stores
                assert scores == dict(enumerate(values.ravel().tolist()))
                assert first_cycle["score"] - first_cycle["done"] == 3 + later

    simulate(dut, drive, background=[biases, watch, *([activations] if later else [])])
