"""The scenarios: cocotb tests of one accelerator against its vectors.

``run.py`` hands over what to do in environment variables: ``TB_IMAGES``, ``TB_SEED`` and
``TB_FINDINGS``, the JSON file that takes what each scenario found.
"""

import json
import os
from pathlib import Path
from random import Random

import cocotb

from .environment import Environment
from .stalls import BURSTS, HEAVY, LIGHT
from .vectors import Vectors

STALLS = ((LIGHT, HEAVY), (HEAVY, BURSTS), (BURSTS, LIGHT))
"""Pauses of the pixel and of the score stream, image by image."""

_findings = {}


@cocotb.test()
async def full_rate(dut):
    """All images back to back; nobody pauses."""
    vectors, random, num_images = _given("full_rate")
    environment = Environment(dut, vectors, range(num_images), random)
    await environment.start()
    await environment.run()
    environment.check_rate()
    _report("full_rate", environment)


@cocotb.test()
async def stalled(dut):
    """A few images back to back while both streams pause at random."""
    vectors, random, num_images = _given("stalled")
    images = [random.randrange(num_images) for _ in STALLS]
    environment = Environment(dut, vectors, images, random, stalls=STALLS.__getitem__)
    await environment.start()
    await environment.run()
    _report("stalled", environment)


@cocotb.test()
async def reset(dut):
    """Reset in the middle of an image; the next one must come out right."""
    vectors, random, num_images = _given("reset")
    environment = Environment(dut, vectors, [random.randrange(num_images)], random)
    await environment.start()
    num_pixels, num_scores = vectors.pixels.shape[1], vectors.scores.shape[1]
    phases = (num_pixels, vectors.predicted_cycles, num_scores)
    phase = random.randrange(len(phases))
    cycles = sum(phases[:phase]) + random.randint(1, phases[phase])
    await environment.interrupt(random.randrange(num_images), cycles)
    await environment.run()
    _report("reset", environment)


def _given(scenario: str) -> tuple[Vectors, Random, int]:
    random = Random(f"{os.environ['TB_SEED']} {scenario}")
    return Vectors.load(Path(__file__).parent), random, int(os.environ["TB_IMAGES"])


def _report(scenario: str, environment: Environment) -> None:
    _findings[scenario] = findings = environment.findings()
    Path(os.environ["TB_FINDINGS"]).write_text(json.dumps(_findings))
    assert not findings["problems"], "; ".join(findings["problems"])
