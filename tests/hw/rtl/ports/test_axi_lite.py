"""The bus of the registers: handshakes, strobes, answers; a model drives it in the test bench."""

import pytest
from bench_amaranth import simulate

from bitrain.host.registers import REGISTERS, register
from bitrain.rtl.ports.axi import OKAY, SLVERR
from bitrain.rtl.ports.axi_lite import AxiLiteRegisters

OF_ALL = tuple(entry for entry in REGISTERS if entry.option is None)
BEYOND = 4 * len(OF_ALL)
sets = pytest.mark.parametrize("registers", [OF_ALL, REGISTERS], ids=["of all", "all"])


async def request_write(ctx, bus, address, data, strobes, *, data_first):
    """Address and data in any order; the answer is taken two cycles late."""
    for name, value in (("awaddr", address), ("wdata", data), ("wstrb", strobes)):
        ctx.set(getattr(bus, name), value)
    first, second = (bus.wvalid, bus.awvalid) if data_first else (bus.awvalid, bus.wvalid)
    ctx.set(first, 1)
    await ctx.tick()
    assert not ctx.get(bus.awready) and not ctx.get(bus.wready)
    ctx.set(second, 1)
    await ctx.tick().until(bus.awready & bus.wready)
    ctx.set(first, 0)
    ctx.set(second, 0)
    for _ in range(2):
        assert ctx.get(bus.bvalid)
        await ctx.tick()
    ctx.set(bus.bready, 1)
    response, *_ = await ctx.tick().sample(bus.bresp).until(bus.bvalid)
    ctx.set(bus.bready, 0)
    assert not ctx.get(bus.bvalid)
    return response


@sets
@pytest.mark.parametrize("data_first", [False, True])
def test_writes(data_first, registers):
    dut = AxiLiteRegisters(registers)
    seen = []

    async def testbench(ctx):
        for entry in registers:
            response = await request_write(
                ctx, dut.bus, entry.offset, entry.offset + 7, 0b0101, data_first=data_first
            )
            assert response == (SLVERR if entry.access == "ro" else OKAY)
        response = await request_write(ctx, dut.bus, BEYOND, 0, 15, data_first=data_first)
        assert response == SLVERR

    async def watch(ctx):
        async for _, _, write, index, data, mask in ctx.tick().sample(
            dut.write, dut.index, dut.data, dut.mask
        ):
            if write:
                seen.append((4 * index, data, mask))

    simulate(dut, testbench, background=[watch])
    assert seen == [
        (entry.offset, entry.offset + 7, 0x00FF00FF) for entry in registers if entry.access != "ro"
    ]


@sets
def test_reads_hold_until_they_are_taken(registers):
    dut = AxiLiteRegisters(registers)
    places = {entry.offset: i for i, entry in enumerate(registers)}

    async def testbench(ctx):
        bus = dut.bus
        for i, _ in enumerate(registers):
            ctx.set(dut.values[i], 1000 + i)
        for address in range(0, 1 << dut.address_bits, 4):
            ctx.set(bus.araddr, address)
            ctx.set(bus.arvalid, 1)
            await ctx.tick().until(bus.arready)
            ctx.set(bus.araddr, 4)
            for i, _ in enumerate(registers):
                ctx.set(dut.values[i], 0)
            for _ in range(2):
                await ctx.tick()
                assert not ctx.get(bus.arready)
            known = address in places
            assert ctx.get(bus.rdata) == (1000 + places[address] if known else 0)
            assert ctx.get(bus.rresp) == (OKAY if known else SLVERR)
            ctx.set(bus.arvalid, 0)
            ctx.set(bus.rready, 1)
            await ctx.tick().until(bus.rvalid)
            ctx.set(bus.rready, 0)
            assert not ctx.get(bus.rvalid)
            for i, _ in enumerate(registers):
                ctx.set(dut.values[i], 1000 + i)

    simulate(dut, testbench)


def test_a_request_every_cycle():
    dut = AxiLiteRegisters(OF_ALL)

    async def testbench(ctx):
        bus = dut.bus
        for signal in (bus.rready, bus.bready, bus.arvalid, bus.awvalid, bus.wvalid):
            ctx.set(signal, 1)
        ctx.set(bus.awaddr, register("CONTROL").offset)
        await ctx.tick()
        for _ in range(5):
            assert ctx.get(bus.arready) and ctx.get(bus.awready) and ctx.get(dut.write)
            assert ctx.get(bus.rvalid) and ctx.get(bus.bvalid)
            await ctx.tick()

    simulate(dut, testbench)
