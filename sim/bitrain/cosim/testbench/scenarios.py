"""The scenarios: cocotb tests of one accelerator against its vectors."""

from collections.abc import Sequence

import cocotb

from .environment import Environment
from .session import Session
from .stalls import BURSTS, HEAVY, LIGHT

STALLS = ((LIGHT, HEAVY), (HEAVY, BURSTS), (BURSTS, LIGHT))
"""Pauses of the pixel and of the score stream, image by image."""
MORE_RESETS, RESET_CYCLES = 7, 4_000
"""How often it is reset besides once, and in how many cycles altogether."""


@cocotb.test()
async def full_rate(dut):
    """All images back to back; nobody pauses."""
    session = Session(dut, "full_rate")
    environment = _environment(session, range(session.num_images), apart=False)
    await environment.start()
    await environment.run()
    environment.check_rate()
    session.report(environment.findings())


@cocotb.test()
async def stalled(dut):
    """A few images back to back while both streams pause at random."""
    session = Session(dut, "stalled")
    images = [session.choose_image() for _ in STALLS]
    environment = _environment(session, images, stalls=STALLS.__getitem__)
    await environment.start()
    await environment.run()
    session.report(environment.findings())


@cocotb.test()
async def reset(dut):
    """Resets in the middle of images; the next one must come out right."""
    session = Session(dut, "reset")
    vectors, random = session.vectors, session.random
    environment = _environment(session, [session.choose_image()])
    await environment.start()
    num_pixels, num_scores = vectors.pixels.shape[1], vectors.scores.shape[1]
    phases = (num_pixels, int(vectors.predicted_cycles.max()), num_scores)
    for _ in range(1 + min(MORE_RESETS, RESET_CYCLES // sum(phases))):
        phase = random.randrange(len(phases))
        cycles = sum(phases[:phase]) + random.randint(1, phases[phase])
        await environment.interrupt(session.choose_image(), cycles)
    await environment.run()
    session.report(environment.findings())


def _environment(session: Session, images: Sequence[int], **options) -> Environment:
    options["checker"] = session.checker(images)
    return Environment(session.pins, session.vectors, images, session.random, **options)
