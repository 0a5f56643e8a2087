from amaranth.hdl import Module, Signal, signed
from amaranth.lib.wiring import Component, In, Out
from bench_amaranth import simulate

from bitrain.rtl.engine.places import nearest


class Nearest(Component):
    def __init__(self):
        super().__init__({"place": In(signed(4)), "last": In(3), "found": Out(3)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.found.eq(nearest(self.place, self.last))
        m.d.sync += Signal().eq(1)  # the bench has a clock
        return m


def test_the_nearest_place_of_the_map():
    dut = Nearest()

    async def testbench(ctx):
        for last in range(8):
            for place in range(-8, 8):
                ctx.set(dut.place, place)
                ctx.set(dut.last, last)
                assert ctx.get(dut.found) == min(max(place, 0), last)

    simulate(dut, testbench)
