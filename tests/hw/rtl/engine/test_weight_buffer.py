"""The weight buffer beside a queue of tiles, in every cycle: frames whole, short and long."""

import random
from collections import Counter, deque
from dataclasses import dataclass

import pytest
from bench_amaranth import simulate
from networks import grouped_network, many_scores_network, padded_network, random_network, worded

from bitrain.program import Array, Program
from bitrain.rtl.engine.weight_buffer import WeightBuffer
from bitrain.spec import Network

MAX_CYCLES = 20_000


def streamed_program(network: Network, array: Array, beat: int) -> Program:
    return Program(network, array, weights="stream", weight_beat=beat)


def tile_sizes(program: Program) -> list[int]:
    """Words of each tile of a frame, in turn."""
    return [
        words
        for tiling, words in zip(program.tilings, program.weight_tiles, strict=True)
        for _ in range(tiling.channel_tiles)
    ]


def frame_size(program: Program) -> int:
    """Beats of a frame."""
    return sum(tile_sizes(program)) * program.weight_parts


@dataclass(frozen=True)
class Tile:
    frame: int
    """Number of its frame, broken ones counted."""
    words: list[int]


class TileQueue:
    """What the buffer does in a cycle, by its contract: room for two tiles, which come in beats."""

    def __init__(self, program: Program):
        self.program = program
        self.size = frame_size(program)
        self.waiting: deque[Tile] = deque()
        self.begun: deque[Tile] = deque()
        self.beats: list[int] = []
        """Of the frame that comes in."""
        self.frame = -1  # what comes before the first is dropped too
        self.used = False
        """Whether a tile of this frame has been begun."""
        self.state = "drop"
        self.too_long = False

    @property
    def takes(self) -> bool:
        room = len(self.waiting) + len(self.begun) < 2
        return self.state == "swallow" or (self.state == "pass" and room)

    @property
    def ready(self) -> bool:
        return bool(self.waiting) and self.state != "drop"

    @property
    def abort(self) -> bool:
        return self.state == "drop" and self.used

    def errors(self, beat: tuple[int, bool] | None) -> tuple[bool, bool]:
        """Whether the frame ends early with this beat, or does not end where it should."""
        if beat is None or self.state != "pass":
            return False, False
        complete, last = len(self.beats) == self.size - 1, beat[1]
        return last and not complete, complete and not last

    def step(self, beat: tuple[int, bool] | None, *, begin: bool, end: bool) -> None:
        """A cycle in which a beat is taken, or none."""
        early, missing = self.errors(beat)
        if end:
            self.begun.popleft()
        if begin:
            self.begun.append(self.waiting.popleft())
            self.used |= self.begun[-1].frame == self.frame
        if self.state == "drop":
            self._drop()
        elif beat and self.state == "swallow":
            self.state = "pass" if beat[1] else "swallow"
        elif beat and (early or missing):
            self.state, self.too_long = "drop", missing
        elif beat:
            self.beats.append(beat[0])
            self._completed()

    def _drop(self) -> None:
        self.waiting = deque(tile for tile in self.waiting if tile.frame != self.frame)
        if self.used:
            assert not self.waiting
            self.begun.clear()
        self.state = "swallow" if self.too_long else "pass"
        self.frame += 1
        self.beats, self.used, self.too_long = [], False, False

    def _completed(self) -> None:
        """What is complete with the last beat: a tile, the frame."""
        program, first = self.program, 0
        for words in tile_sizes(program):
            beats = self.beats[first : first + words * program.weight_parts]
            first += words * program.weight_parts
            if first == len(self.beats):
                self.waiting.append(Tile(self.frame, words_of(program, beats)))
        if len(self.beats) == self.size:
            self.beats, self.used, self.frame = [], False, self.frame + 1


def words_of(program: Program, beats: list[int]) -> list[int]:
    """Words of beats, the lowest bits first; what the last has too much does not matter."""
    parts, bits = program.weight_parts, program.weight_beat
    groups = (beats[i : i + parts] for i in range(0, len(beats), parts))
    mask = (1 << program.weight_word_bits) - 1
    return [sum(beat << bits * i for i, beat in enumerate(group)) & mask for group in groups]


def random_frame(program: Program, size: int, rng: random.Random) -> list[int]:
    return [rng.getrandbits(program.weight_beat) for _ in range(size)]


def check(program: Program, frames: list[list[int]], *, sends=1.0, reads=1.0, seed=0) -> Counter:
    """Send frames, the last of which is whole, and read all tiles; what happened how often.

    sends, reads: how likely a beat is offered in a cycle, and something is read.
    """
    dut, queue, rng = WeightBuffer(program), TileQueue(program), random.Random(seed)
    sent = deque((beat, i == len(f) - 1) for f in frames for i, beat in enumerate(f))
    happened, read = Counter(), []
    half = program.weight_depth // 2

    async def testbench(ctx):
        tile, weights = dut.weights.tile, dut.weights
        reading: deque[tuple[int, Tile]] = deque()  # tiles that are begun, and where they lie
        index, shown, offered = 0, None, False
        for _ in range(MAX_CYCLES):
            # What is offered stays until it is taken.
            offered = bool(sent) and (offered or rng.random() < sends)
            ctx.set(dut.beats.valid, offered)
            shown_beat = sent[0] if offered else (0, rng.getrandbits(1))
            ctx.set(dut.beats.payload.data, shown_beat[0])
            ctx.set(dut.beats.payload.last, shown_beat[1])
            enable, reads_tile = rng.random() < reads, bool(reading)
            ctx.set(weights.enable, enable)
            if reads_tile:
                ctx.set(weights.address, reading[0][0] + index)
            begin = queue.ready and rng.random() < reads
            end = reads_tile and enable and index == len(reading[0][1].words) - 1
            ctx.set(tile.begin, begin)
            ctx.set(tile.end, end)

            assert ctx.get(dut.beats.ready) == queue.takes
            assert ctx.get(tile.ready) == queue.ready
            assert ctx.get(dut.abort) == queue.abort
            assert shown is None or ctx.get(weights.word.as_value()) == shown
            beat = sent.popleft() if offered and queue.takes else None
            offered &= beat is None
            early, missing = queue.errors(beat)
            assert (ctx.get(dut.early), ctx.get(dut.missing)) == (early, missing)
            frame_waits = any(each.frame == queue.frame for each in queue.waiting)
            happened.update(
                early=early,
                missing=missing,
                abort=queue.abort,
                dropped=queue.state == "drop" and frame_waits,
                kept=queue.state == "drop" and any(t.frame < queue.frame for t in queue.waiting),
                full=offered and not queue.takes,
                begun_early=begin and reads_tile and not end,
            )

            if begin:
                reading.append((half * ctx.get(tile.second), queue.waiting[0]))
            if enable and reads_tile:
                shown, index = reading[0][1].words[index], index + 1
            elif enable:
                shown = None
            if end:
                read.append(reading.popleft()[1])
                index = 0
            if queue.abort:  # the engine is reset
                reading.clear()
                read[:] = [each for each in read if each.frame != queue.frame]
                index, shown = 0, None
            queue.step(beat, begin=begin, end=end)
            await ctx.tick()
            if not (sent or queue.waiting or queue.begun):
                return
        raise AssertionError("tiles are left")

    simulate(dut, testbench)
    size = frame_size(program)
    expected = [
        Tile(i, words)
        for i, frame in enumerate(frames)
        if len(frame) == size
        for words in tiles_of(program, frame)
    ]
    assert read == expected
    return happened


def tiles_of(program: Program, frame: list[int]) -> list[list[int]]:
    words = words_of(program, frame)
    sizes = tile_sizes(program)
    return [words[sum(sizes[:i]) :][:size] for i, size in enumerate(sizes)]


def small(seed: int) -> Network:
    return random_network(seed, bits=3, lanes=1, in_shape=(1, 4, 4))


PROGRAMS = [
    streamed_program(small(11), Array(channels=1, lanes=1), 8),
    streamed_program(small(4), Array(channels=2, lanes=2), 8),
    streamed_program(small(5), Array(channels=4, lanes=1), 8),
    streamed_program(padded_network(3, bits=2, lanes=2), Array(channels=2, lanes=4), 64),
    streamed_program(
        worded(grouped_network(0, bits=3, lanes=2), 2), Array(channels=2, lanes=2, width=2), 16
    ),
    streamed_program(many_scores_network(0, bits=3, lanes=1), Array(channels=3, lanes=1), 8),
]


def test_programs_are_of_all_kinds():
    assert {1, 2, 3} <= {program.weight_parts for program in PROGRAMS}
    assert {len(program.tilings) for program in PROGRAMS} >= {1, 3, 4}
    assert any(len(set(program.weight_tiles)) > 2 for program in PROGRAMS)
    counts = [tiling.channel_tiles for program in PROGRAMS for tiling in program.tilings]
    assert min(counts) == 1 < max(counts)


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
@pytest.mark.parametrize(("sends", "reads"), [(1, 1), (1, 0.3), (0.3, 1), (0.7, 0.7)])
def test_words_come_out_as_they_were_sent(program, sends, reads):
    rng = random.Random(1)
    frames = [random_frame(program, frame_size(program), rng) for _ in range(3)]
    happened = check(program, frames, sends=sends, reads=reads)
    assert not happened["early"] and not happened["missing"] and not happened["abort"]
    if sends == program.weight_parts == 1:
        assert happened["full"] and happened["begun_early"]


SMALL = streamed_program(small(11), Array(channels=3, lanes=1), 8)


@pytest.mark.parametrize("reads", [1, 0.4])
def test_frames_that_end_at_any_place_are_dropped(reads):
    """A whole one after each is read as it was sent."""
    rng, size = random.Random(2), frame_size(SMALL)
    frames = [
        random_frame(SMALL, length, rng) for short in range(1, size) for length in (short, size)
    ]
    happened = check(SMALL, frames, reads=reads)
    assert happened["early"] == size - 1 and not happened["missing"]
    assert 0 < happened["abort"] < size - 1 and (happened["kept"] or reads == 1)


@pytest.mark.parametrize("reads", [1, 0.4])
def test_frames_that_go_on_are_dropped_to_their_end(reads):
    rng, size = random.Random(3), frame_size(SMALL)
    extra = [*range(1, 6), size - 1, size, size + 1, 2 * size]
    frames = [random_frame(SMALL, n, rng) for more in extra for n in (size + more, size)]
    happened = check(SMALL, frames, reads=reads)
    assert happened["missing"] == happened["abort"] == len(extra) and not happened["early"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("program", [*PROGRAMS, SMALL], ids=range(len(PROGRAMS) + 1))
def test_random_frames_with_random_pauses(program, seed):
    """Broken ones behind each other too. What is void was begun; tiles of the frame before stay."""
    rng, size = random.Random(seed), frame_size(program)
    frames = []
    for _ in range(max(6, 800 // size)):
        kind = rng.choice(["whole", "short", "short", "long"])
        length = size if size > 1 or kind == "long" else 2
        if kind == "short" and size > 1:
            length = min(rng.randrange(1, size), rng.randrange(1, size))
        elif kind == "long":
            length += rng.randrange(1, size + 1)
        frames.append(random_frame(program, length, rng))
    frames.append(random_frame(program, size, rng))
    happened = check(program, frames, sends=0.8, reads=(0.2, 0.5, 0.9)[seed], seed=seed)
    assert happened["early"] == sum(len(frame) < size for frame in frames)
    assert happened["missing"] == sum(len(frame) > size for frame in frames)


@pytest.mark.parametrize("reads", [0.05, 0.1])
def test_frames_of_a_tile(reads):
    """Two of them wait beside each other: one that is broken voids nothing that was sent before."""
    network = many_scores_network(0, bits=3, lanes=1)
    program = streamed_program(network, Array(channels=8, lanes=1), 8)
    assert len(tile_sizes(program)) == 1
    rng, size = random.Random(4), frame_size(program)
    lengths = [rng.choice([size, size, rng.randrange(1, size), size + 1]) for _ in range(30)]
    frames = [random_frame(program, length, rng) for length in (*lengths, size)]
    happened = check(program, frames, reads=reads)
    assert not happened["abort"] and happened["kept"] and happened["early"] and happened["missing"]
