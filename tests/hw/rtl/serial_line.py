"""A serial line in every cycle, and what a transmitter makes of bytes."""

from bench_amaranth import simulate

from bitrain.rtl.ports.uart_transmitter import UartTransmitter


def bits_of(byte: int, stop: int = 1) -> list[int]:
    return [0, *(byte >> i & 1 for i in range(8)), stop]


def sent_by(data: bytes, divisor: int) -> list[int]:
    """The line in every cycle from the first start bit on."""
    transmitter, line = UartTransmitter(divisor=divisor), []

    async def feed(ctx):
        for byte in data:
            ctx.set(transmitter.bytes.valid, 1)
            ctx.set(transmitter.bytes.payload, byte)
            await ctx.tick().until(transmitter.bytes.ready)
        ctx.set(transmitter.bytes.valid, 0)
        await ctx.tick().repeat(12 * divisor)

    async def watch(ctx):
        async for _, _, tx in ctx.tick().sample(transmitter.tx):
            line.append(tx)

    simulate(transmitter, feed, background=[watch])
    return line[line.index(0) :]
