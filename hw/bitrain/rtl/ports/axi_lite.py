"""Registers on AXI4-Lite: the bus, without what the registers do."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.host.registers import Register, address_bits

from .axi import OKAY, SLVERR, axi_lite


class AxiLiteRegisters(Component):
    r"""A word per register of the contract's table, read from ``values``, written one at a time.

    Source: Arm IHI 0022, AXI4-Lite. Address and data of a write are taken together; protection is
    ignored. Unknown addresses, and writes to what can only be read, answer SLVERR.

    ::

        awvalid, wvalid  __/‾‾\________
        write            __/‾‾\________     register ``index`` takes data where mask is 1
        bvalid           _____/‾‾\_____

    Latency: an answer one cycle after its request; a request every cycle while answers are taken.

    Parameters
    ----------
    registers
        Those of the table that there are.

    Members
    -------
    bus : In(signature)
    values : In(ArrayLayout(32, number of registers))
        What reads give, in the order of ``registers``.
    write : Out(1)
        A register that can be written is.
    index : Out(…)
        Which one: its address in words.
    data, mask : Out(32)
        What is written, and which bits: those of the bytes that the strobes select.
    """

    def __init__(self, registers: Sequence[Register]):
        self.registers = registers
        self.address_bits = address_bits(registers)
        super().__init__(
            {
                "bus": In(axi_lite(self.address_bits)),
                "values": In(data.ArrayLayout(32, len(registers))),
                "write": Out(1),
                "index": Out(self.address_bits - 2),
                "data": Out(32),
                "mask": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        words = range(1 << self.address_bits - 2)
        places = {entry.offset // 4: i for i, entry in enumerate(self.registers)}
        writable = Array(
            word in places and self.registers[places[word]].access != "ro" for word in words
        )
        values = Array(self.values[places[word]] if word in places else 0 for word in words)

        # Writes: address and data at once, as soon as the last answer has room to leave.
        request, allowed = Signal(), Signal()
        m.d.comb += [
            request.eq(bus.awvalid & bus.wvalid & (~bus.bvalid | bus.bready)),
            bus.awready.eq(request),
            bus.wready.eq(request),
            self.index.eq(bus.awaddr[2:]),
            allowed.eq(writable[self.index]),
            self.write.eq(request & allowed),
            self.data.eq(bus.wdata),
            self.mask.eq(Cat(bit.replicate(8) for bit in bus.wstrb)),
        ]
        with m.If(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(request):
            m.d.sync += [bus.bvalid.eq(1), bus.bresp.eq(Mux(allowed, OKAY, SLVERR))]

        # Reads.
        word = bus.araddr[2:]
        m.d.comb += bus.arready.eq(~bus.rvalid | bus.rready)
        with m.If(bus.rready):
            m.d.sync += bus.rvalid.eq(0)
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [
                bus.rvalid.eq(1),
                bus.rdata.eq(values[word]),
                bus.rresp.eq(Mux(self._exists(word), OKAY, SLVERR)),
            ]
        return m

    def _exists(self, word: Value) -> Value:
        """Whether a register has this address in words."""
        words = {entry.offset // 4 for entry in self.registers}
        starts = sorted(word for word in words if word - 1 not in words)
        stops = sorted(word + 1 for word in words if word + 1 not in words)
        runs = [
            (word >= start) & (word < stop) if start else word < stop
            for start, stop in zip(starts, stops, strict=True)
        ]
        return reduce(or_, runs)
