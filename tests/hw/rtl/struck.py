"""An accelerator in Amaranth's simulator whose bits flip as golden's ``Faults`` say.

Nothing of golden is used here but which bits flip. Masks lie in memories that are read step by
step, beside the circuit that they strike; words of the weight ROM are altered before the simulation
and those of the activation RAM as they are written.
"""

from math import prod
from typing import Any

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import memory
from amaranth.lib.wiring import Component, In
from bench_amaranth import simulate

from bitrain.golden.faults import Faults, Site, exposed
from bitrain.program import Program
from bitrain.rtl.array import bitserial_array, mac_array, sng_bank
from bitrain.rtl.engine import engine
from bitrain.rtl.ports.accelerator import Accelerator


def masks(program: Program, faults: Faults, image: int, site: Site) -> list[np.ndarray]:
    """Bits of each layer, zero where ``faults`` are of another site."""
    found = []
    for index in range(len(program.network.layers)):
        shape = exposed(program, site, index)
        bits = np.zeros(prod(shape), np.int64)
        if faults.site == site:
            bits[faults.flips(image, index, prod(shape))] = 1
        found.append(bits.reshape(shape))
    return found


def words(bits: np.ndarray) -> list[int]:
    """A word for each first index, bits in C order, lowest first."""
    rows = bits.reshape(len(bits), -1)
    return [int("".join(map(str, row[::-1])) or "0", 2) for row in rows.tolist()]


def by_step(program: Program, struck: list[np.ndarray]) -> list[np.ndarray]:
    """Masks of operands or of bits at each step: (steps, Q, …) and (steps, P, …).

    struck: of each layer, (tiles, vectors, slots, bits). What follows is (N,) for bits of streams
    or of integers, and (N, n + 1) for operands.
    """
    array, steps = program.array, ([], [])
    for index, layer in enumerate(program.network.layers):
        tiles, _, slots, each = struck[index].shape
        bits = struck[index].reshape(tiles, -1, slots // array.lanes, array.lanes, each)
        at = min(array.positions, program.tilings[index].positions)
        for part, vectors, size in zip(
            steps, (bits[:, :at], bits[:, at:]), (array.positions, array.channels), strict=True
        ):
            missing = size - vectors.shape[1]
            vectors = np.pad(vectors, ((0, 0), (0, missing), (0, 0), (0, 0), (0, 0)))
            if array.rules.counts_bits:  # tiles, chunks, cycles
                ordered = vectors.transpose(0, 2, 4, 1, 3)
                n = program.network.bits
                assert each == (layer.stream_length if array.rules.has_streams else n * n)
                part.append(ordered.reshape(-1, size, array.lanes))
            else:
                ordered = vectors.transpose(0, 2, 1, 3, 4)
                part.append(ordered.reshape(-1, size, array.lanes, each))
    return [np.concatenate(part) for part in steps]


def by_tile(program: Program, struck: list[np.ndarray]) -> np.ndarray:
    """Masks of counts at the end of each tile: (tiles, P Q, bits), position by position."""
    array, found = program.array, []
    for bits, layer in zip(struck, program.network.layers, strict=True):
        for group in np.split(bits, layer.groups):
            for channel in range(0, len(group), array.channels):
                for position in range(0, bits.shape[1], array.positions):
                    part = group[channel:][: array.channels, position:][:, : array.positions]
                    size = array.positions, array.channels, program.count_bits
                    tile = np.zeros(size, np.int64)
                    tile[: part.shape[1], : part.shape[0]] = part.swapaxes(0, 1)
                    found.append(tile.reshape(-1, program.count_bits))
    return np.stack(found)


class Masks(Component):
    """Words in a row: that of this step, and that of the next, from memories."""

    def __init__(self, contents: list[int], width: int):
        self.contents = [*contents, 0, 0]
        self.width = width
        super().__init__({"step": In(1)})
        self.word, self.next_word = Signal(width), Signal(width)

    def elaborate(self, platform):
        m = Module()
        steps, following = Signal(range(len(self.contents))), Signal(range(len(self.contents)))
        m.d.comb += following.eq(steps + self.step)
        m.d.sync += steps.eq(following)
        for name, ahead, word in (("here", 0, self.word), ("next", 1, self.next_word)):
            stored = memory.Memory(
                shape=self.width, depth=len(self.contents), init=self.contents, attrs={}
            )
            m.submodules[name] = stored
            port = stored.read_port()
            m.d.comb += [port.addr.eq(following + ahead), word.eq(port.data)]
        return m


class StruckSource(sng_bank.SequenceSource):
    """A sequence source whose values have flipped bits."""

    contents: list[list[int]]
    """Of banks still to come, activations first."""

    def __init__(self, sequence):
        super().__init__(sequence)
        self.mine = self.contents.pop(0)

    def elaborate(self, platform):
        m = Module()
        m.submodules.masks = struck = Masks(self.mine, self.sequence.width)
        source = m.submodules.source = _plain_source(self.sequence)
        m.d.comb += [
            source.restart.eq(self.restart),
            source.step.eq(self.step),
            struck.step.eq(self.step),
            self.value.eq(source.value ^ struck.word),
            self.next_value.eq(source.next_value ^ Mux(self.step, struck.next_word, struck.word)),
        ]
        return m


class StruckGenerators(Component):
    """SNGs whose outputs have flipped bits, before the signs part them."""

    contents: list[list[int]]
    """Of banks still to come, activations first."""

    def __init__(self, bank, **options):
        self.inner = _plain_generators(bank, **options)
        self.mine = self.contents.pop(0)
        super().__init__(self.inner.signature)

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        width = inner.num_vectors * inner.num_lanes
        m.submodules.masks = struck = Masks(self.mine, width)
        mask, signs = Signal(width), Signal(width)
        m.d.sync += mask.eq(struck.word)  # the bits are those of the step before
        m.d.comb += [
            inner.restart.eq(self.restart),
            inner.step.eq(self.step),
            inner.numbers.eq(self.numbers),
            struck.step.eq(self.step),
            self.bits.eq(inner.bits.as_value() ^ (mask & ~signs)),
        ]
        if inner.signed:
            m.d.sync += signs.eq(self.signs)
            m.d.comb += [
                inner.signs.eq(self.signs),
                self.negative_bits.eq(inner.negative_bits.as_value() ^ (mask & signs)),
            ]
        return m


_plain_source, _plain_generators = sng_bank.SequenceSource, sng_bank.StochasticNumberGenerators
_plain_selected = bitserial_array.selected


class StruckArray(Component):
    """An array whose operands, or whose tiles' counts as they leave, have flipped bits.

    Masks are of operands, or of the bits that bit-serial multipliers select of them.
    """

    def __init__(self, inner: Any, operands: list[np.ndarray] | None, counts: np.ndarray):
        self.inner, self.operands, self.counted = inner, operands, counts
        self.of_selected: list[Value] = []
        super().__init__(inner.signature)

    def selected(self, lines: Value, number: Value) -> Value:
        """The bit that the array selects: called for all activations, then for all weights."""
        return _plain_selected(lines, number) ^ self.of_selected.pop(0)

    def elaborate(self, platform):
        m = Module()
        m.submodules.inner = inner = self.inner
        given = [name for name, member in inner.signature.members.items() if member.flow == In]
        for name in given:
            m.d.comb += getattr(inner, name).eq(getattr(self, name))
        if self.operands:
            for name, bits in zip(("activations", "weights"), self.operands, strict=True):
                operands = getattr(self, name)
                each = bits.shape[-1]
                m.submodules[name] = struck = Masks(words(bits), bits[0].size)
                m.d.comb += struck.step.eq(self.step)
                if bits.ndim == 3:
                    self.of_selected.extend(struck.word)
                    continue
                pairs = ((i, j) for i in range(bits.shape[1]) for j in range(bits.shape[2]))
                for number, (i, j) in enumerate(pairs):
                    inside = operands[i][j]
                    target = getattr(inner, name)[i][j]
                    mask = struck.word[number * each :][:each]
                    if name == "weights":
                        m.d.comb += target.magnitude.eq(inside.magnitude ^ mask)
                    else:
                        m.d.comb += target.eq(inside ^ mask)
        tiles = m.submodules.tiles = Masks(words(self.counted), self.counted[0].size)
        width = self.counted.shape[-1]
        m.d.comb += [tiles.step.eq(inner.done), self.done.eq(inner.done)]
        for i in range(len(self.counts)):
            # Counts go on from tile to tile: an upset stays in the register, and the tile's own
            # count, which is the difference, has flipped bits.
            before, error, here = (Signal(width, name=f"{x}_{i}") for x in ("b", "e", "h"))
            count = (inner.counts[i] - before)[:width]
            flipped = count ^ tiles.word[i * width :][:width]
            m.d.comb += [here.eq(error + flipped - count), self.counts[i].eq(inner.counts[i])]
            with m.If(inner.done):
                m.d.sync += [before.eq(inner.counts[i]), error.eq(here)]
                m.d.comb += self.counts[i].eq(inner.counts[i] + here)
        return m


def alter_weights(program: Program, struck: list[np.ndarray]) -> None:
    """Flip bits of the weight ROM."""
    found, array, each = program.weight_words, program.array, program.weight_bits
    assert array.width == 1
    base = 0
    for bits, layer in zip(struck, program.network.layers, strict=True):
        for group in np.split(bits, layer.groups):
            for channel in range(0, len(group), array.channels):
                part = group[channel : channel + array.channels]
                tile = words(part.swapaxes(0, 1))
                assert part.shape[2] == each
                for slot, mask in enumerate(tile):
                    found[base + slot] ^= mask
                base += len(tile)
    assert base == len(found)


SITES_OF: dict[Site, tuple[Site, ...]] = {
    "streams": ("streams", "counters", "activations"),
    "sources": ("sources", "counters", "activations"),
    "weights": ("weights", "counters", "activations"),
    "counters": ("counters", "activations"),
    "activations": ("counters", "activations"),
}
"""Masks that are made for faults of a site: counts and activations always have some."""


def run_struck(monkeypatch, program: Program, image: np.ndarray, number: int, faults: Faults):
    """Scores of one image (channels, rows, columns) in the simulated accelerator."""
    found = {site: masks(program, faults, number, site) for site in SITES_OF[faults.site]}
    array = program.array
    if faults.site == "weights":
        alter_weights(program, found["weights"])
    if faults.site == "sources":
        parts = [bits.swapaxes(0, 1).reshape(2, -1, bits.shape[-1]) for bits in found["sources"]]
        banks = np.concatenate(parts, 1)
        monkeypatch.setattr(StruckSource, "contents", [*map(words, banks)], raising=False)
        monkeypatch.setattr(sng_bank, "SequenceSource", StruckSource)
    operands = None
    if faults.site == "streams":
        steps = by_step(program, found["streams"])
        if array.rules.has_streams:
            contents = [*map(words, steps)]
            monkeypatch.setattr(StruckGenerators, "contents", contents, raising=False)
            monkeypatch.setattr(mac_array, "StochasticNumberGenerators", StruckGenerators)
        else:
            operands = steps
    counts = by_tile(program, found["counters"])
    build, make = engine.build_array, engine.ram

    def struck_array(program):
        struck = StruckArray(build(program), operands, counts)
        if operands and array.rules.counts_bits:
            monkeypatch.setattr(bitserial_array, "selected", struck.selected)
        return struck

    monkeypatch.setattr(engine, "build_array", struck_array)
    memories = []

    def ram(shape, *parts):
        memories.append(make(shape, *parts))
        return memories[-1]

    monkeypatch.setattr(engine, "ram", ram)
    scores = _simulate(program, image, found["activations"], memories)
    monkeypatch.undo()
    return scores


def _simulate(program, image, activations, memories) -> list[int]:
    dut, scores = Accelerator(program), []

    def strike(ctx, address: int, bits: np.ndarray) -> None:
        row = memories[0].data[address]  # the first RAM is that of activations
        ctx.set(row, ctx.get(row) ^ words(bits[None])[0])

    async def drive(ctx):
        for pixel in image.ravel().tolist():
            ctx.set(dut.pixels.valid, 1)
            ctx.set(dut.pixels.payload, pixel)
            await ctx.tick().until(dut.pixels.ready)
        ctx.set(dut.pixels.valid, 0)
        for address, bits in enumerate(activations[0].reshape(image.size, -1)):
            strike(ctx, address, bits)

    async def collect(ctx):
        last = False
        ctx.set(dut.scores.ready, 1)
        while not last:
            (payload,) = await ctx.tick().sample(dut.scores.payload).until(dut.scores.valid)
            scores.append(payload.score)
            last = bool(payload.last)

    async def watch(ctx):
        traced = ctx.tick().sample(dut.trace.valid, dut.trace.layer, dut.trace.address)
        async for _, _, valid, layer, address in traced:
            if valid:
                bits = activations[layer + 1].reshape(-1, activations[layer + 1].shape[-1])
                strike(ctx, address, bits[address - program.out_bases[layer]])

    simulate(dut, drive, collect, background=[watch])
    return scores
