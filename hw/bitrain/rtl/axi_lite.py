"""Registers on AXI4-Lite: the bus, without what the registers do."""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from bitrain.spec.registers import ADDRESS_BITS, REGISTERS

from .axi import OKAY, SLVERR, axi_lite


class AxiLiteRegisters(Component):
    """A word per register of the contract's table, read from ``values``, written one at a time.

    Source: Arm IHI 0022, AXI4-Lite. Address and data of a write are taken together; protection is
    ignored. Unknown addresses, and writes to what can only be read, answer SLVERR.

    ::

        awvalid, wvalid  __/‾‾\\________
        write            __/‾‾\\________     register ``index`` takes data where mask is 1
        bvalid           _____/‾‾\\_____

    Latency: an answer one cycle after its request; a request every cycle while answers are taken.

    Members
    -------
    bus : In(signature)
    values : In(ArrayLayout(32, number of registers))
        What reads give, in the order of the table.
    write : Out(1)
        A register that can be written is.
    index : Out(…)
        Which one.
    data, mask : Out(32)
        What is written, and which bits: those of the bytes that the strobes select.
    """

    def __init__(self):
        super().__init__(
            {
                "bus": In(axi_lite(ADDRESS_BITS)),
                "values": In(data.ArrayLayout(32, len(REGISTERS))),
                "write": Out(1),
                "index": Out(ADDRESS_BITS - 2),
                "data": Out(32),
                "mask": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        words = range(1 << ADDRESS_BITS - 2)
        entries = [*REGISTERS, *[None] * (len(words) - len(REGISTERS))]
        writable = Array(entry is not None and entry.access != "ro" for entry in entries)
        values = Array(self.values[i] if entry else 0 for i, entry in enumerate(entries))

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
                bus.rresp.eq(Mux(word < len(REGISTERS), OKAY, SLVERR)),
            ]
        return m
