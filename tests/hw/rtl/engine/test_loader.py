import random

import pytest
from bench_amaranth import simulate
from networks import grouped_network, padded_network, random_network, worded
from windows import set_descriptor, tiles_of_positions

from bitrain.program import Array, Program
from bitrain.rtl.engine.loader import Loader


def expected_elements(program: Program, index: int):
    """Per element: weight address, what stands around its channel (0 where there is no element),
    and per position of the tile its RAM address or None."""
    layer = program.network.layers[index]
    _, height, width = layer.flattened or layer.in_shape
    channels, kh, kw = layer.flattened or layer.weight.shape[1:]
    tiles = program.tilings[index].channel_tiles
    slots = program.tilings[index].chunks * program.array.lanes
    dh, dw = layer.dilation
    inputs = [(c, i * dh, j * dw) for c in range(channels) for i in range(kh) for j in range(kw)]
    window = [None if k < 0 else inputs[k] for k in layer.slots]
    window += [None] * (slots - len(window))
    for channel_tile in range(tiles):
        first = channel_tile // (tiles // layer.groups) * channels
        for tile in tiles_of_positions(program, index):
            for k in range(slots):
                sources, outside, place = [], 0, window[k]
                if place is not None:
                    outside = int(layer.padding_value[first + place[0]])
                for row, column in tile:
                    source = None
                    if place is not None:
                        c, y, x = first + place[0], row + place[1], column + place[2]
                        if 0 <= y < height and 0 <= x < width:
                            source = program.in_bases[index] + (c * height + y) * width + x
                    sources.append(source)
                yield program.weight_bases[index] + channel_tile * slots + k, outside, sources


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("build", "word"),
    [
        *((build, None) for build in (random_network, grouped_network, padded_network)),
        *((random_network, 2), (grouped_network, 4), (padded_network, 2), (padded_network, 8)),
    ],
)
def test_elements_follow_the_loop_nest(build, word, seed, gaps):
    network = build(seed)
    if word:  # with holes told apart, as where zeros are skipped
        along = (None, "channels", "columns")[seed % 3]
        network = worded(network, word, along)
    array = Array(channels=2, positions=1 + seed % 4, lanes=network.num_lanes)
    program = Program(network, array, skip_zeros=word is not None)
    dut = Loader(program)
    rng = random.Random(seed)

    async def testbench(ctx):
        for index in range(len(network.layers)):
            set_descriptor(ctx, dut, program, index)
            ctx.set(dut.ready, 1)
            ctx.set(dut.restart, 1)
            await ctx.tick()
            ctx.set(dut.restart, 0)
            # What the memories show, and the registers behind them, both held while not enabled.
            read = kept = None, 0
            cycles = 1
            for count, (weight_address, outside, sources) in enumerate(
                expected_elements(program, index)
            ):
                while True:
                    ready = not gaps or rng.random() < 0.6
                    ctx.set(dut.ready, ready)
                    valid, inside = ctx.get(dut.valid), ctx.get(dut.inside)
                    shown, shown_padding = kept
                    assert ctx.get(dut.enable) == (ready or not valid)
                    if ready or not valid:
                        addresses = [ctx.get(dut.addresses[q]) for q in range(array.positions)]
                        padding = 0
                        if program.has_padding_values:
                            padding = program.padding_words[ctx.get(dut.padding_address)]
                        kept, read = read, ((ctx.get(dut.weight_address), addresses), padding)
                    await ctx.tick()
                    cycles += 1
                    if valid and ready:
                        break
                if not gaps and array.positions <= program.tilings[index].chunks * array.lanes:
                    assert cycles == array.positions + 6 + count  # Q + 5, then one per cycle
                assert shown is not None
                assert shown[0] == weight_address
                if program.has_padding_values:
                    assert shown_padding == outside
                for q, source in enumerate(sources):
                    assert inside >> q & 1 == (source is not None)
                    assert source is None or shown[1][q] == source
            ctx.set(dut.ready, 1)
            for _ in range(10):
                assert not ctx.get(dut.valid)
                await ctx.tick()

    simulate(dut, testbench)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("build", "word"), [(random_network, None), (grouped_network, None), (padded_network, 2)]
)
def test_waits_for_tiles_of_weights(build, word, seed, gaps):
    """Addresses lie in the half that is said as a tile begins, which is when it is there.

    It ends as its last word is read for the last time. Gaps: of what takes elements, too; without,
    every tile is there in time.
    """
    network = build(seed)
    network = worded(network, word) if word else network
    array = Array(channels=2, positions=1 + seed, lanes=network.num_lanes)
    program = Program(network, array, weights="stream")
    dut, rng, half = Loader(program), random.Random(seed), program.weight_depth // 2
    assert len(dut.weight_address) == max(1, (2 * half - 1).bit_length())

    async def run_layer(ctx, index: int) -> None:
        tiling, words = program.tilings[index], program.weight_tiles[index]
        set_descriptor(ctx, dut, program, index)
        ctx.set(dut.restart, 1)
        ctx.set(dut.tile.ready, 0)
        ctx.set(dut.ready, 1)
        await ctx.tick()
        ctx.set(dut.restart, 0)
        bases: list[int] = []  # of the tiles that were begun
        read = kept = None
        ended = elements = 0
        total = tiling.tiles * words
        cycles, there = 1, False
        while elements < total:
            ready = not gaps or rng.random() < 0.6
            there = not gaps or there or rng.random() < 0.02
            ctx.set(dut.ready, ready)
            ctx.set(dut.tile.ready, there)
            second = rng.getrandbits(1)
            ctx.set(dut.tile.second, second)
            valid, enable = ctx.get(dut.valid), ctx.get(dut.enable)
            begin, end = ctx.get(dut.tile.begin), ctx.get(dut.tile.end)
            if begin:
                assert there and enable and len(bases) < tiling.channel_tiles
                assert ended >= len(bases) - 1  # at most one that is not over
                bases.append(half * second)
                there = False
            if valid and ready:
                tile, word = divmod(elements, tiling.position_tiles * words)
                assert kept == bases[tile] + word % words
                elements += 1
                if not gaps and array.positions <= words:
                    assert cycles == array.positions + 5 + elements - 1  # as weights in ROM do
            if enable:
                kept, read = read, ctx.get(dut.weight_address)
            # The word that is read now is the element after the one that is shown.
            if end:
                assert enable and len(bases) > ended
                ended += 1
                last = ended * tiling.position_tiles * words - 1
                assert read == bases[ended - 1] + words - 1
                assert last - 2 <= elements - 1 <= last
            await ctx.tick()
            cycles += 1
        assert len(bases) == ended == tiling.channel_tiles
        ctx.set(dut.ready, 1)
        ctx.set(dut.tile.ready, 1)
        for _ in range(10):
            assert not ctx.get(dut.valid) and not ctx.get(dut.tile.begin)
            assert not ctx.get(dut.tile.end)
            await ctx.tick()

    async def testbench(ctx):
        for index in range(len(network.layers)):
            await run_layer(ctx, index)

    simulate(dut, testbench)
