"""Scenarios of weights that come on a stream: late, broken, and at a limited rate."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from random import Random

import cocotb

from .checker import Checker
from .environment import Environment
from .session import Session
from .stalls import BURSTS, HEAVY, LIGHT

SLOW = (LIGHT, HEAVY, BURSTS)
WEIGHTS_EARLY, WEIGHTS_MISSING = 16, 32
"""Bits of the register ERROR."""
PAUSED_SLOWNESS, BROKEN_SLOWNESS = 8, 16
MOST_BROKEN = 3
"""Frames in a row."""
LIMITED_IMAGES = 3


@cocotb.test()
async def feed_paused(dut):
    """Images back to back while weights come late and all streams pause at random."""
    session = Session(dut, "feed_paused")
    feed, random = session.pins.feed, session.random
    feed.slowness = PAUSED_SLOWNESS
    images = [session.choose_image() for _ in SLOW]
    environment = paused(session, images, session.checker(images))
    await environment.start()
    for source in feed.sources:
        source.stalls, source.random = random.choice(SLOW), random
    await environment.run()
    session.report(environment.findings())


def paused(session: Session, images: Sequence[int], checker: Checker) -> Environment:
    """Images back to back, one for each of ``SLOW``, whose streams pause at random."""
    return Environment(
        session.pins,
        session.vectors,
        images,
        session.random,
        stalls=lambda i: (SLOW[i], SLOW[i - 1]),
        checker=checker,
        apart=False,
    )


class ScoreChecker(Checker):
    """Compares scores alone: a run that begins again has stored what its broken frame made."""

    def write(
        self,
        engine: int,
        layer: int | None,
        address: int | None,
        data: int | None,
        bank: int = 0,
    ) -> None:
        """An activation, which may be none of the image's."""

    def _end_writes(self, engine: int) -> None:
        self._done[engine] += 1


@cocotb.test()
async def feed_broken(dut):
    """Frames of weights from which beats are lost, or that have too many, between whole ones."""
    session = Session(dut, "feed_broken")
    feed, random = session.pins.feed, session.random
    feed.slowness, feed.repeats = BROKEN_SLOWNESS, MOST_BROKEN
    errors: set[int] = set()
    images = [session.choose_image() for _ in range(3)]
    checker = ScoreChecker(session.vectors, images)
    given = session.pins, session.vectors, images, random
    environment = Environment(*given, checker=checker, apart=False)
    for source in feed.sources:
        source.frames = lambda beats=source.beats: broken_frames(beats, random, errors)
    await environment.start()
    await environment.run()
    if session.manifest["registers"]:
        from .axi_host import Registers  # needs a package that other interfaces do without

        await feed.full()  # so that nothing broken is under way
        registers = Registers(session)
        await registers.expect("ERROR", sum(errors), "after broken frames of weights", checker)
        await registers.write("ERROR", sum(errors))
        await registers.expect("ERROR", 0, "after clearing", checker)
    session.report(environment.findings())


def broken_frames(beats: Sequence[int], random: Random, errors: set[int]) -> Iterator[list[int]]:
    """Frames, some broken; ``errors`` are those of the frames that have ended."""
    while True:
        for _ in range(random.randrange(MOST_BROKEN + 1)):
            first, second = sorted(random.randrange(len(beats) + 1) for _ in range(2))
            if 0 < second - first < len(beats):
                yield [*beats[:first], *beats[second:]]
                errors.add(WEIGHTS_EARLY)
            else:
                more = random.choices(beats, k=random.randint(1, 1 + len(beats) // 4))
                yield [*beats[:first], *more, *beats[first:]]
                errors.add(WEIGHTS_MISSING)
        yield list(beats)


@cocotb.test()
async def feed_limited(dut):
    """Images back to back, with weights from a memory of half the bandwidth that they need."""
    session = Session(dut, "feed_limited")
    limited, feed = session.manifest["limited"], session.pins.feed
    images = range(min(session.num_images, LIMITED_IMAGES))
    feed.slowness = 2 + limited["rate"][1] // limited["rate"][0]
    checker = session.checker(images)
    given = session.pins, session.vectors, images, session.random
    environment = Environment(*given, checker=checker, apart=False)
    await environment.start()
    for source in feed.sources:
        source.rate = Fraction(*limited["rate"])
    await environment.run()
    checker.check_cycles(limited["cycles"])
    session.report(environment.findings())
