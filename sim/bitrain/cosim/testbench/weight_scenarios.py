"""Scenario of an accelerator whose weights can be loaded."""

import cocotb
from cocotb import start_soon
from cocotb.triggers import RisingEdge

from .axi_host import WEIGHTS, Registers
from .environment import Environment
from .pins import read
from .session import Session
from .vectors import Vectors


@cocotb.test()
async def weights(dut):
    """Its own network, another's weights, a reset, its own again; what is refused is not written.

    The last puts the memories back as the other scenarios want them.
    """
    session = Session(dut, "weights_")
    own, other = session.weight_images()
    parts = {}
    environment = _environment(session, session.vectors)
    await environment.start()
    registers = Registers(session)
    disturb = start_soon(_write_while_busy(session, registers, environment))
    await environment.run()
    await disturb
    parts["in_use"] = environment.findings()

    environment = _environment(session, session.other_vectors())
    await registers.write("CONTROL", 0)
    await registers.load_weights(other, 0, environment.checker)
    await _write_what_is_refused(registers, len(other), environment)
    await registers.write("CONTROL", 1)
    await environment.run()
    parts["loaded"] = environment.findings()

    environment = _environment(session, session.other_vectors())
    await environment.reset()
    await environment.run()
    parts["after_reset"] = environment.findings()

    environment = _environment(session, session.vectors)
    await registers.load_weights(own, session.random.randrange(len(own)), environment.checker)
    await environment.run()
    parts["restored"] = environment.findings()
    session.report_parts(parts)


def _environment(session: Session, vectors: Vectors) -> Environment:
    return Environment(session.pins, vectors, [session.choose_image()], session.random)


async def _write_while_busy(
    session: Session, registers: Registers, environment: Environment
) -> None:
    """Once an image is at work, for it takes longer than these writes."""
    pins, checker = session.pins, environment.checker
    while not environment.loaded_at:
        await RisingEdge(pins.clock)
    if read(pins.busy) != 1:
        checker.violate("busy is not 1 while an image is at work")
    write = registers.write("WEIGHT_DATA", 0xFFFFFFFF)
    await registers.refuse(write, WEIGHTS, "a weight while busy", checker)
    await registers.expect("WEIGHT_ADDRESS", 0, "after a weight while busy", checker)


async def _write_what_is_refused(registers: Registers, size: int, environment: Environment) -> None:
    """Behind the end, from behind the end on, and less than a word."""
    checker, data = environment.checker, registers.offsets["WEIGHT_DATA"]
    write = registers.write("WEIGHT_DATA", 0xFFFFFFFF)
    await registers.refuse(write, WEIGHTS, "a word too many", checker)
    write = registers.write("WEIGHT_ADDRESS", size + 1)
    await registers.refuse(write, WEIGHTS, "an address too large", checker)
    await registers.expect("WEIGHT_ADDRESS", size, "after what was refused", checker)
    await registers.write("WEIGHT_ADDRESS", 0)
    for offset, length in ((0, 3), (1, 3), (2, 1)):
        write = registers.bus.write(data + offset, bytes(length))
        await registers.refuse(write, WEIGHTS, f"{length} bytes of a word", checker)
    await registers.expect("WEIGHT_ADDRESS", 0, "after what was refused", checker)
