"""Running a component in Amaranth's simulator, with a limit on cycles."""

from amaranth.sim import Simulator

MAX_CYCLES = 200_000


def simulate(dut, *testbenches, background=(), combinational: bool = False) -> None:
    """Run ``testbenches`` (coroutine functions of a context) to their end, others beside them."""
    simulator = Simulator(dut)
    if not combinational:
        simulator.add_clock(1e-6)

        async def watchdog(ctx):
            cycle = 0
            async for _ in ctx.tick():
                cycle += 1
                if cycle == MAX_CYCLES:
                    raise TimeoutError(f"no end after {MAX_CYCLES} cycles")

        background = (*background, watchdog)
    for testbench in testbenches:
        simulator.add_testbench(testbench)
    for testbench in background:
        simulator.add_testbench(testbench, background=True)
    simulator.run()
