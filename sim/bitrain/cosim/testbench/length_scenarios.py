"""Scenario of an accelerator whose stream length is chosen at run time."""

import cocotb

from .environment import Environment
from .session import Session
from .stalls import LIGHT, NONE

STALLS = ((NONE, NONE), (LIGHT, LIGHT))


@cocotb.test()
async def length(dut):
    """Images at every length, in random order, each like the network that stops there."""
    session = Session(dut, "length")
    pins, prefixes = session.pins, session.prefixes()
    longest, registers, parts = prefixes[0][0], None, {}
    for i, (cycles, vectors) in enumerate(session.random.sample(prefixes, len(prefixes))):
        images = [session.choose_image() for _ in STALLS]
        environment = Environment(pins, vectors, images, session.random, stalls=STALLS.__getitem__)
        if i == 0:
            await environment.start()
        if pins.log_length is not None:
            pins.log_length.value = cycles.bit_length() - 1
        else:
            if registers is None:
                registers = _connect(session)
                if session.has_exits:
                    shorter = sorted(cycles for cycles, _ in prefixes)[:-1]
                    await registers.run_whole(shorter, environment.checker)
            await registers.choose_length(cycles, longest, environment.checker)
        await environment.run()
        parts[str(cycles)] = environment.findings()
    session.report_parts(parts)


def _connect(session: Session):
    from .axi_host import Registers  # needs a package that other interfaces do without

    return Registers(session)
