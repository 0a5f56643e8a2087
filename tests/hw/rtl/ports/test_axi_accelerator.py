"""The shell around the accelerator, in Amaranth's simulator: streams, flags, counters.

Models of the buses test it in the IP folder's bench (``tests/system/test_interfaces.py``).
"""

import numpy as np
import pytest
from bench_amaranth import simulate
from networks import compiled, random_images, random_network, residual_network, retrained

from bitrain.accelerator import Engines
from bitrain.cost import estimate
from bitrain.golden import margins, run, run_shorter
from bitrain.golden.exits import Ladder, Outcome
from bitrain.host import weight_image
from bitrain.host.registers import constants, register
from bitrain.host.weight_stream import weight_beats
from bitrain.program import Array, Program
from bitrain.rtl.ports.axi import OKAY
from bitrain.rtl.ports.axi_accelerator import AxiAccelerator
from bitrain.rtl.ports.top import build_top
from bitrain.spec import BitrainError, with_prefix

NETWORK = random_network(4, bits=3, lanes=2, in_shape=(1, 4, 4))
ARRAY = Array(channels=2, positions=2, lanes=4)
NUMBERS = dict(constants())


async def read(ctx, bus, name: str) -> int:
    ctx.set(bus.araddr, NUMBERS[name])
    ctx.set(bus.arvalid, 1)
    ctx.set(bus.rready, 1)
    await ctx.tick().until(bus.arready)
    ctx.set(bus.arvalid, 0)
    value, response = await ctx.tick().sample(bus.rdata, bus.rresp).until(bus.rvalid)
    assert response == OKAY
    return value


async def write(ctx, bus, name: str, value: int) -> None:
    assert register(name).access != "ro"
    settings = {"awaddr": NUMBERS[name], "wdata": value, "wstrb": 15, "bready": 1}
    for signal, setting in settings.items():
        ctx.set(getattr(bus, signal), setting)
    ctx.set(bus.awvalid, 1)
    ctx.set(bus.wvalid, 1)
    await ctx.tick().until(bus.awready & bus.wready)
    ctx.set(bus.awvalid, 0)
    ctx.set(bus.wvalid, 0)
    await ctx.tick().until(bus.bvalid)


async def send(ctx, dut, words) -> None:
    for i, word in enumerate(words):
        ctx.set(dut.s_axis.tdata, word | 0x80)  # above the activation: ignored
        ctx.set(dut.s_axis.tlast, i == len(words) - 1)
        ctx.set(dut.s_axis.tvalid, 1)
        await ctx.tick().until(dut.s_axis.tready)
    ctx.set(dut.s_axis.tvalid, 0)


async def receive(ctx, dut) -> list[int]:
    scores, last, width = [], False, len(dut.m_axis.tdata)
    ctx.set(dut.m_axis.tready, 1)
    while not last:
        word, last = (
            await ctx.tick().sample(dut.m_axis.tdata, dut.m_axis.tlast).until(dut.m_axis.tvalid)
        )
        scores.append(word - (word >> (width - 1) << width))
    ctx.set(dut.m_axis.tready, 0)
    return scores


@pytest.mark.parametrize("run_time_length", [False, True])
def test_frames_and_registers(run_time_length):
    program = Program(NETWORK, ARRAY, run_time_length=run_time_length)
    dut = AxiAccelerator(Engines.of(program))
    images = random_images(NETWORK, len(program.prefixes))
    size = NETWORK.in_shape.size

    async def testbench(ctx):
        bus = dut.s_axil
        assert await read(ctx, bus, "PIXELS") == size
        assert await read(ctx, bus, "SHORTEST") == min(program.prefixes)
        await send(ctx, dut, [1] * (size - 1))
        await send(ctx, dut, [1] * (size + 1))
        assert await read(ctx, bus, "ERROR") == 3
        assert await read(ctx, bus, "STATUS") == 0
        for i, (length, image) in enumerate(zip(program.prefixes, images, strict=True)):
            await write(ctx, bus, "STREAM_LENGTH", length)
            assert await read(ctx, bus, "STREAM_LENGTH") == length
            await send(ctx, dut, image.ravel().tolist())
            assert await read(ctx, bus, "STATUS") == 1
            prefix = with_prefix(NETWORK, length)
            expected = run(prefix, image[None])[-1].ravel()
            assert await receive(ctx, dut) == expected.tolist()
            assert await read(ctx, bus, "CLASS_INDEX") == np.argmax(expected)
            cycles = estimate(Program(prefix, ARRAY, run_time_length=run_time_length)).latency
            assert await read(ctx, bus, "CYCLES") == cycles
            assert await read(ctx, bus, "FRAMES") == i + 1
        await write(ctx, bus, "ERROR", 3)
        await write(ctx, bus, "STREAM_LENGTH", 3)
        assert await read(ctx, bus, "ERROR") == 4
        assert await read(ctx, bus, "STREAM_LENGTH") == min(program.prefixes)

    simulate(dut, testbench)


@pytest.mark.parametrize(
    ("channels", "run_time_length", "arithmetic"),
    [
        (2, False, "stochastic"),
        (2, True, "stochastic"),
        (9, True, "stochastic"),
        (2, False, "binary"),
        (2, True, "bitserial"),
    ],
)
def test_weights_over_the_bus(channels, run_time_length, arithmetic):
    """Entries of one word and of two: another network, which is then what golden says of it."""
    array = Array(channels=channels, positions=1, lanes=4, arithmetic=arithmetic)
    program = Program(NETWORK, array, run_time_length=run_time_length, weights="ram")
    other = retrained(NETWORK, 1)
    dut = AxiAccelerator(Engines.of(program))
    (image,) = random_images(NETWORK, 1)
    words = weight_image(program, other).tolist()

    def scores(network, length=program.longest):
        shorter = array.rules.shorter(network)[length]
        return run_shorter(network, shorter, image[None], arithmetic)[-1].ravel().tolist()

    async def infer(ctx, network):
        await send(ctx, dut, image.ravel().tolist())
        assert await receive(ctx, dut) == scores(network)

    async def testbench(ctx):
        bus = dut.s_axil
        assert await read(ctx, bus, "WEIGHT_WORDS") == len(words)
        await infer(ctx, NETWORK)
        for word in words:
            await write(ctx, bus, "WEIGHT_DATA", word)
        assert await read(ctx, bus, "WEIGHT_ADDRESS") == len(words)
        assert await read(ctx, bus, "ERROR") == 0
        await infer(ctx, other)
        for length in program.prefixes:
            await write(ctx, bus, "STREAM_LENGTH", length)
            await send(ctx, dut, image.ravel().tolist())
            assert await receive(ctx, dut) == scores(other, length)
        # While an image is loaded, nothing is written.
        pixels = image.ravel().tolist()
        ctx.set(dut.s_axis.tvalid, 1)
        ctx.set(dut.s_axis.tlast, 0)
        ctx.set(dut.s_axis.tdata, pixels[0])
        await ctx.tick().until(dut.s_axis.tready)
        ctx.set(dut.s_axis.tvalid, 0)
        await write(ctx, bus, "WEIGHT_ADDRESS", 0)
        for _ in range(2):
            await write(ctx, bus, "WEIGHT_DATA", 0xFFFFFFFF)
        assert await read(ctx, bus, "ERROR") == 8
        assert await read(ctx, bus, "WEIGHT_ADDRESS") == 0
        await send(ctx, dut, pixels[1:])
        assert await receive(ctx, dut) == scores(other, min(program.prefixes))

    simulate(dut, testbench)


async def send_weights(ctx, dut, beats) -> None:
    for i, beat in enumerate(beats):
        ctx.set(dut.s_axis_weights.tdata, beat)
        ctx.set(dut.s_axis_weights.tlast, i == len(beats) - 1)
        ctx.set(dut.s_axis_weights.tvalid, 1)
        await ctx.tick().until(dut.s_axis_weights.tready)
    ctx.set(dut.s_axis_weights.tvalid, 0)


def test_frames_of_weights():
    """One that is too short or too long is told, and the next one serves; bits are cleared."""
    program = Program(NETWORK, ARRAY, weights="stream", weight_beat=8)
    dut = AxiAccelerator(Engines.of(program))
    beats = [int.from_bytes(bytes(beat), "little") for beat in weight_beats(program)]
    images = random_images(NETWORK, 2)
    numbers = {
        entry.name: 1 << entry.low
        for entry in next(entry for entry in dut.registers if entry.name == "ERROR").fields
    }
    early, missing = numbers["WEIGHTS_EARLY"], numbers["WEIGHTS_MISSING"]
    assert (early, missing) == (16, 32)
    frames = [beats, beats[:-1], beats[3:], beats, beats]
    sent = []

    async def weights(ctx):
        for frame in frames:
            await send_weights(ctx, dut, frame)
            sent.append(len(frame))
        await send_weights(ctx, dut, beats + beats[:2])
        sent.append(len(beats) + 2)

    async def testbench(ctx):
        bus = dut.s_axil
        assert await read(ctx, bus, "ERROR") == 0
        for image, errors in zip(images, (0, early), strict=True):
            await send(ctx, dut, image.ravel().tolist())
            assert await receive(ctx, dut) == run(NETWORK, image[None])[-1].ravel().tolist()
            assert await read(ctx, bus, "ERROR") == errors
        await write(ctx, bus, "ERROR", missing)  # of another field
        assert await read(ctx, bus, "ERROR") == early
        await write(ctx, bus, "ERROR", early)
        assert await read(ctx, bus, "ERROR") == 0
        # A whole frame, and one that goes on: its image is answered when another has come.
        await send(ctx, dut, images[0].ravel().tolist())
        expected = run(NETWORK, images[:1])[-1].ravel().tolist()
        assert await receive(ctx, dut) == expected
        await send(ctx, dut, images[0].ravel().tolist())
        while len(sent) < len(frames) + 1:
            await ctx.tick()
        assert await read(ctx, bus, "STATUS") == 1
        assert await read(ctx, bus, "ERROR") == missing
        await send_weights(ctx, dut, beats)
        assert await receive(ctx, dut) == expected
        await write(ctx, bus, "ERROR", missing)
        assert await read(ctx, bus, "ERROR") == 0

    simulate(dut, testbench, weights)


def test_weights_need_a_bus():
    with pytest.raises(BitrainError, match=r"the raw interface has no bus .* interface axi"):
        compiled(NETWORK, ARRAY, weights="ram")
    build_top(compiled(NETWORK, ARRAY, weights="ram", interface="axi"))


@pytest.mark.parametrize(
    ("build", "arithmetic"),
    [
        (random_network, "stochastic"),
        (residual_network, "stochastic"),
        (residual_network, "bitserial"),
    ],
)
def test_early_termination(build, arithmetic):
    """Frames stop where golden's ladder does, with its scores and with the cycles of all passes."""
    network = build(4, bits=3 if arithmetic == "stochastic" else 4, lanes=2)
    array = ARRAY.model_copy(update={"arithmetic": arithmetic})
    program = Program(network, array, early_termination=True)
    dut, rng = AxiAccelerator(Engines.of(program)), np.random.default_rng(0)
    images = random_images(network, 6)
    lengths = sorted(program.prefixes)
    prefixes = [program.prefixes[length] for length in lengths]
    cycles = [estimate(program.prefix_programs[length]).latency for length in lengths]
    stored = [run_shorter(network, prefix, images, arithmetic)[-1] for prefix in prefixes]
    scores = [each.reshape(len(images), -1) for each in stored]
    found = [margins(each) for each in scores]
    seen = set()

    async def testbench(ctx):
        bus = dut.s_axil
        for i, image in enumerate(images):
            limit = len(lengths) if i < 3 else int(rng.integers(1, len(lengths) + 1))
            rungs = [j for j in range(limit - 1) if i == 0 or rng.random() < 0.8]
            # The first frame runs at all of them, whatever its scores are.
            thresholds = [int(rng.choice(found[j]) if i else found[j].max() + 1) for j in rungs]
            await write(ctx, bus, "STREAM_LENGTH", lengths[limit - 1])
            for j, length in enumerate(lengths[:-1]):
                await write(ctx, bus, "LADDER_LENGTH", length)
                margin = thresholds[rungs.index(j)] | 1 << 31 if j in rungs else 0
                await write(ctx, bus, "LADDER_MARGIN", margin)
                assert await read(ctx, bus, "LADDER_MARGIN") == margin
            rungs.append(limit - 1)
            ladder = Ladder(rungs=tuple(rungs), thresholds=tuple(thresholds))
            own = [each[i : i + 1] for each in scores]
            outcome = Outcome(ladder, own, np.zeros(1, int), cycles)
            (last,), (kind,) = outcome.places, outcome.classes
            await send(ctx, dut, image.ravel().tolist())
            assert await receive(ctx, dut) == own[rungs[last]].ravel().tolist()
            assert await read(ctx, bus, "CLASS_INDEX") == kind
            taken = rungs[: last + 1]
            assert await read(ctx, bus, "CYCLES") == outcome.used
            assert await read(ctx, bus, "LENGTHS_RUN") == sum(lengths[j] for j in taken)
            seen.add((len(taken), last == len(rungs) - 1))
        assert await read(ctx, bus, "ERROR") == 0
        for name, value in (("LADDER_LENGTH", lengths[-1]), ("LADDER_MARGIN", 1 << 30)):
            await write(ctx, bus, name, value)
            assert await read(ctx, bus, "ERROR") == 4
            await write(ctx, bus, "ERROR", 4)
        assert await read(ctx, bus, "LADDER_LENGTH") == lengths[-2]

    simulate(dut, testbench)
    assert any(last for _, last in seen) and not all(last for _, last in seen)
    assert max(count for count, _ in seen) > 1


def test_what_early_termination_needs():
    with pytest.raises(BitrainError, match=r"the raw interface has no registers for its margins"):
        compiled(NETWORK, ARRAY, early_termination=True)
    with pytest.raises(BitrainError, match=r"network 'random4' has no shorter streams to run"):
        compiled(with_prefix(NETWORK, 1), ARRAY, early_termination=True, interface="axi")
