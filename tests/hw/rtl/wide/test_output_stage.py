"""What is stored where in the banks, of random counts."""

from collections.abc import Callable

import numpy as np
import pytest
from banked import by_place, score_places, stored_places, wide_program, writes
from bench_amaranth import simulate
from networks import (
    dense_network,
    grouped_network,
    padded_network,
    random_network,
    residual_network,
)
from results import results
from windows import set_descriptor

from bitrain.rtl.wide.output_stage import WideOutputStage
from bitrain.spec import Network
from bitrain.spec.word import WordSize

BUILDERS = [random_network, residual_network, grouped_network, padded_network, dense_network]
Stored = dict[tuple[int, int], int]


async def run_layer(
    ctx, dut: WideOutputStage, index: int, *, counts: np.ndarray, sums: np.ndarray, idle: int
):
    """Give a layer's counts, (channels, positions), tile by tile; ``sums`` go on from each."""
    program, array = dut.program, dut.program.array
    set_descriptor(ctx, dut, program, index)
    ctx.set(dut.restart, 1)
    await ctx.tick()
    ctx.set(dut.restart, 0)
    for channel in range(0, counts.shape[0], array.channels):
        for position in range(0, counts.shape[1], array.positions):
            tile = counts[channel:, position:][: array.channels, : array.positions]
            sums += tile.T.ravel()
            for i, count in enumerate(sums % (1 << program.count_bits)):
                ctx.set(dut.counts[i], int(count))
            ctx.set(dut.done, 1)
            await ctx.tick()
            ctx.set(dut.done, 0)
            for _ in range(array.leaving_cycles - 1 + idle):
                await ctx.tick()
    while not ctx.get(dut.finished):
        await ctx.tick()
    await ctx.tick().repeat(2)  # the watcher sees a cycle at its end


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("idle", [0, 3])
@pytest.mark.parametrize(
    ("seed", "width", "channels", "positions"),
    [(0, 2, 2, 3), (1, 2, 4, 1), (2, 4, 4, 2), (3, 4, 8, 3), (5, 8, 8, 1)],
)
def test_stores_each_neuron_once(
    *,
    seed: int,
    width: WordSize,
    channels: int,
    positions: int,
    idle: int,
    build: Callable[..., Network],
):
    program = wide_program(build(seed, lanes=4), width, channels, positions)
    network, dut = program.network, WideOutputStage(program)
    rng = np.random.default_rng(seed)
    banks = rng.integers(0, network.one + 1, (width, 1 << program.address_bits))
    later = int(program.has_shortcut)
    found: dict[str, Stored] = {"store": {}, "scores": {}}
    first_cycle: dict[str, int] = {}

    async def biases(ctx):
        """The bias ROM: one cycle."""
        async for _, _, address in ctx.tick().sample(dut.bias_address):
            words = program.bias_words
            ctx.set(dut.bias.as_value(), words[address % len(words)])

    async def activations(ctx):
        """The banks: one cycle."""
        async for _, _, addresses in ctx.tick().sample(dut.shortcut_addresses):
            for bank, address in enumerate(addresses):
                ctx.set(dut.shortcut_activations[bank], int(banks[bank, address]))

    async def watch(ctx):
        cycle = 0
        async for _, _, store, scores, done in ctx.tick().sample(dut.store, dut.scores, dut.done):
            if done:
                first_cycle.setdefault("done", cycle)
            for name, view in (("store", store), ("scores", scores)):
                if written := writes(view):
                    assert not written.keys() & found[name].keys()
                    found[name].update(written)
                    first_cycle.setdefault(name, cycle)
            cycle += 1

    async def drive(ctx):
        sums = np.zeros(program.array.neurons, int)
        for index, layer in enumerate(network.layers):
            for each in (*found.values(), first_cycle):
                each.clear()
            tiling = program.tilings[index]
            # Raw counts of every neuron that the tiles have room for.
            counts = rng.integers(
                0,
                layer.num_inputs * layer.stream_length + 1,
                (tiling.channel_tiles * channels, tiling.position_tiles * positions),
            )
            await run_layer(ctx, dut, index, counts=counts, sums=sums, idle=idle)
            added = layer.shortcut and banks[stored_places(program, layer.shortcut.source)]
            values = results(program, index, counts, added)
            if layer.relu:
                assert found == {
                    "store": by_place(stored_places(program, index), values),
                    "scores": {},
                }
                if tiling.window == 1:
                    assert first_cycle["store"] - first_cycle["done"] == 7 + later
            else:
                places = score_places(layer.out_shape, width)
                assert found == {"store": {}, "scores": by_place(places, values)}
                assert first_cycle["scores"] - first_cycle["done"] == 4 + later

    background = [biases, watch, *([activations] if program.has_shortcut else [])]
    simulate(dut, drive, background=background)
