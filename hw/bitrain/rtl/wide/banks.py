"""Banks: W numbers in a cycle, wherever they begin (see ``program.memory_map``)."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Mux, Shape, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from ..engine.memories import ram


def rotated(numbers: Any, rotation: Value) -> list:
    """Number (i + rotation) mod W in the place of number i."""
    numbers, count = list(numbers), len(numbers)
    for bit in range(count.bit_length() - 1):
        turned = [numbers[(i + (1 << bit)) % count] for i in range(count)]
        pairs = zip(turned, numbers, strict=True)
        numbers = [Mux(rotation[bit], there, here) for there, here in pairs]
    return numbers


def lane_of(bank: int, rotation: Value) -> Value:
    """Which of W numbers is in a bank, if number 0 is in bank ``rotation``."""
    return (bank - rotation)[: len(rotation)]


def write_layout(shape: Shape, address_bits: int, width: int) -> data.StructLayout:
    """What W banks are to write: whether, where and what, for each."""
    return data.StructLayout(
        {
            "enable": width,
            "address": data.ArrayLayout(address_bits, width),
            "number": data.ArrayLayout(shape, width),
        }
    )


class Banks(Component):
    """RAM of W banks with an address each.

    Latency: a word is read in one cycle.

    Parameters
    ----------
    shape
        Of a number.
    parts
        Words of the memories that a bank is made of.
    width
        W.
    ports
        So many readers.

    Members
    -------
    write : In(write)
        Of all banks.
    addresses : In(ArrayLayout(ArrayLayout(address, W), ports))
        What each port reads of each bank.
    enables : In(ports)
        Without it a port's numbers stay.
    numbers : Out(ArrayLayout(ArrayLayout(shape, W), ports))
    """

    def __init__(
        self, *, shape: Shape, parts: Sequence[int], address_bits: int, width: int, ports: int
    ):
        self.shape, self.width, self.ports = shape, width, ports
        self.parts = parts
        addresses, numbers = (data.ArrayLayout(each, width) for each in (address_bits, shape))
        super().__init__(
            {
                "write": In(write_layout(shape, address_bits, width)),
                "addresses": In(data.ArrayLayout(addresses, ports)),
                "enables": In(ports),
                "numbers": Out(data.ArrayLayout(numbers, ports)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        write = self.write
        for bank in range(self.width):
            m.submodules[f"bank{bank}"] = words = ram(self.shape, *self.parts)
            into = words.write_port()
            m.d.comb += [
                into.en.eq(write.enable[bank]),
                into.addr.eq(write.address[bank]),
                into.data.eq(write.number[bank]),
            ]
            for port in range(self.ports):
                out = words.read_port()
                m.d.comb += [
                    out.addr.eq(self.addresses[port][bank]),
                    out.en.eq(self.enables[port]),
                    self.numbers[port][bank].eq(out.data),
                ]
        return m
