"""Running a component in Amaranth's simulator, with a limit on cycles."""

from amaranth.sim import Simulator

MAX_CYCLES = 200_000
PERIOD = 1e-6


def simulate(dut, *testbenches, background=(), combinational: bool = False) -> None:
    """Run ``testbenches`` (coroutine functions of a context) to their end, others beside them."""
    simulator = Simulator(dut)
    if not combinational:
        simulator.add_clock(PERIOD)

        async def watchdog(ctx):
            await ctx.delay(MAX_CYCLES * PERIOD)
            raise TimeoutError(f"no end after {MAX_CYCLES} cycles")

        background = (*background, watchdog)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    for testbench in background:
        simulator.add_testbench(testbench, background=True)
    simulator.run()
