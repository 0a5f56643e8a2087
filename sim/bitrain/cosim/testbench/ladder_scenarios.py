"""Scenario of early termination."""

from random import Random

import cocotb
import numpy as np

from .axi_host import LENGTH, Registers
from .environment import Environment
from .ladder import LadderChecker, passes_of
from .session import Session
from .simulation import LADDER_TRIALS
from .stalls import LIGHT, NONE
from .vectors import Vectors

STALLS = ((NONE, NONE), (LIGHT, LIGHT))
RUN = 1 << 31
"""Bit of LADDER_MARGIN."""


@cocotb.test()
async def ladder(dut):
    """Images one by one.

    All, with the margins asked for; or some, at lengths and with margins drawn from what golden
    says they have.
    """
    session = Session(dut, "ladder")
    random, prefixes = session.random, dict(session.prefixes())
    longest = max(prefixes)
    registers, asked, parts = None, session.ladder, {}
    for trial in range(session.num_images if asked else LADDER_TRIALS):
        image, limit, margins = trial, longest, asked
        if margins is None:
            image = session.choose_image()
            limit = random.choice([longest, random.choice(list(prefixes))])
            margins = _draw(random, prefixes, longest)
        taken = passes_of(image, margins, prefixes, limit)
        checker = LadderChecker({image: [prefixes[length] for length in taken]}, [image])
        environment = Environment(
            session.pins,
            checker.vectors,
            [image],
            random,
            stalls=lambda i, trial=trial: STALLS[trial % 2],
            checker=checker,
        )
        if registers is None:
            await environment.start()
            registers = Registers(session)
        await registers.set_ladder(margins, sorted(prefixes)[:-1], checker)
        for refused in (0, 3, longest):
            write = registers.write("LADDER_LENGTH", refused)
            await registers.refuse(write, LENGTH, f"margins of length {refused}", checker)
        write = registers.write("LADDER_MARGIN", RUN - 1)
        await registers.refuse(write, LENGTH, "a margin too large", checker)
        await registers.write("STREAM_LENGTH", limit)
        await environment.run()
        await registers.expect("LENGTHS_RUN", sum(taken), f"after lengths {taken}", checker)
        cycles = int(checker.vectors.predicted_cycles[image])
        await registers.expect("CYCLES", cycles, "after it", checker)
        parts[str(trial)] = environment.findings()
    session.report_parts(parts)


def _draw(random: Random, prefixes: dict[int, Vectors], longest: int) -> dict[int, int]:
    """Margins of some lengths, of which about half of the images reach one."""
    margins = {}
    for length, vectors in prefixes.items():
        if length < longest and random.random() < 0.75:
            scores = np.sort(vectors.scores[random.randrange(len(vectors.scores))])
            margin = int(scores[-1] - scores[-2]) if len(scores) > 1 else 0
            margins[length] = margin + random.randrange(2)
    return margins
