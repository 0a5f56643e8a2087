"""Commands on hardware: IP folder, simulation, synthesis, proofs, tools."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from typer import Context, Exit, Option

from . import common
from .common import app, array_of, check_used, console, last_array_of


@app.command()
def generate(
    context: Context,
    network: common.NetworkFile,
    *,
    out: Annotated[Path, Option(help="IP folder to write.")],
    channels: common.Channels = 4,
    positions: common.Positions = 4,
    lanes: common.Lanes = 16,
    width: common.Width = 1,
    sharing: common.SharingOption = "shared",
    arith: common.ArithmeticOption = "stochastic",
    dsp: common.Dsp = False,
    interface: Annotated[
        Literal["raw", "axi"],
        Option(help="Port style: raw handshakes, or AXI4-Stream with AXI4-Lite registers."),
    ] = "raw",
    reset: Annotated[
        Literal["high", "low"] | None,
        Option(help="Level at which the reset is active; by default low for axi, else high."),
    ] = None,
    run_time_length: Annotated[
        bool,
        Option("--run-time-length", help="Choose stream lengths at run time: speed for accuracy."),
    ] = False,
    early_termination: Annotated[
        bool,
        Option(
            "--early-termination",
            help="Run each image at short lengths first, on if the scores are close; needs axi, or "
            "a network with exits.",
        ),
    ] = False,
    weights: common.WeightsOption = "rom",
    weight_beat: common.WeightBeat = 64,
    skip_zeros: Annotated[
        bool,
        Option("--skip-zeros", help="Run no streams for chunks of zeros: saves cycles if L > N."),
    ] = False,
    engines: common.Engines = 1,
    last_array: common.LastArray = None,
    device: common.Device = "ecp5-85k",
    name: Annotated[
        str | None, Option(help="Verilog module; by default the network's name.")
    ] = None,
    images: Annotated[
        int, Option(help="Test images of the test bench; 0: no test bench.", min=0)
    ] = 16,
    data: Annotated[
        str | None,
        Option(help="Data set of the test bench, or `random`; the network's own by default."),
    ] = None,
    data_dir: common.DataDir = None,
    vectors: Annotated[
        Path | None,
        Option(
            help="Images of the test bench in place of a data set's: .npy, whole numbers 0 … 2^n, "
            "(images, channels, height, width).",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Write the IP folder: Verilog, ROM images, constraints, test bench."""
    from bitrain.accelerator import compile_network
    from bitrain.flow.networks import RANDOM, generate_with_testbench, read_vectors
    from bitrain.gen.families.devices import find_device
    from bitrain.program import AcceleratorConfig, Interface
    from bitrain.spec import load_network

    from .render.bandwidth import print_bandwidths
    from .render.cost import print_memories
    from .render.resources import print_resources

    array = array_of(
        *(channels, positions, lanes), sharing=sharing, arithmetic=arith, width=width, dsp=dsp
    )
    config = AcceleratorConfig(
        array=array,
        interface=Interface.usual(interface, reset),
        engines=engines,
        last_array=last_array_of(last_array, array),
        run_time_length=run_time_length,
        early_termination=early_termination,
        weights=weights,
        weight_beat=weight_beat,
        skip_zeros=skip_zeros,
    )
    if weights != "stream":
        check_used(context, ("weight_beat",), "without --weights stream")
    compiled = compile_network(load_network(network), config)
    given = None if vectors is None else read_vectors(vectors, compiled.network)
    if given is not None:
        check_used(context, ("images", "data", "data_dir"), "with --vectors")
    elif not images:
        check_used(context, ("data", "data_dir"), "without test images (--images 0)")
    elif data is None and not (find_spec("sklearn") and find_spec("PIL")):
        console.print(
            "note: no data sets without the packages scikit-learn and pillow (bitrain[train]); the "
            "test bench has random images",
            soft_wrap=True,
        )
        data = RANDOM
    written = generate_with_testbench(
        compiled,
        out,
        name=name,
        device=device,
        num_images=images,
        data=data,
        data_dir=data_dir,
        vectors=given,
    )
    print_memories(compiled, device, console)
    print_resources(compiled, find_device(device), console)
    print_bandwidths(compiled, find_device(device).frequency, console)
    console.print(f"wrote {written}")


@app.command()
def weights(
    ip: common.IpFolder,
    network: common.NetworkFile,
    *,
    out: Annotated[
        Path,
        Option(
            help="File to write: for the registers of an accelerator with --weights ram, or for "
            "the stream of one with --weights stream; of several engines a file each."
        ),
    ],
) -> None:
    """Write the weights of a network for an IP folder's accelerator.

    With --weights ram they may be another training's, which it then runs; with --weights stream
    they are those of the network that it was generated from, whose biases are in ROM.
    """
    from bitrain.flow.networks import write_weights
    from bitrain.spec import load_network

    for file, size in write_weights(ip, load_network(network), out):
        console.print(f"wrote {file}: {size}", soft_wrap=True)


@app.command()
def simulate(
    ip: common.IpFolder,
    *,
    images: Annotated[
        int | None, Option(help="How many of the folder's images; by default all.", min=1)
    ] = None,
    simulator: Annotated[
        common.Simulator,
        Option(help="verilator: compiled, faster; icarus: no C++ compiler is needed."),
    ] = "verilator",
    seed: Annotated[
        int, Option(help="Another seed stalls the ports at other times, at random.")
    ] = 0,
    waves: Annotated[
        bool, Option("--waves", help="Record all signals in an FST file, for GTKWave.")
    ] = False,
    ladder: Annotated[
        str | None,
        Option(
            help="Early termination: run all images with these margins, LENGTH=MARGIN between "
            "commas, as `bitrain progressive` prints them; by default a few random ones."
        ),
    ] = None,
) -> None:
    """Simulate an IP folder and compare every stored value with the golden model.

    It runs the folder's own program tb/run.py: simulate only folders that you trust.
    """
    from bitrain.cosim import simulate as run_simulation

    from .render.cost import print_mean

    report = run_simulation(
        ip, images=images, simulator=simulator, seed=seed, waves=waves, ladder=ladder
    )
    console.print(
        f"{report.simulator_version}: {report.mismatches} mismatches in "
        f"{report.values_compared:,} values, {report.images} images; cycles per image "
        f"{report.cycles[0]}, predicted {report.predicted_cycles}"
    )
    if report.passed:
        if report.cycles != report.most_cycles:
            print_mean("all images", report.cycles, report.most_cycles, console)
        if ladder:
            most = [report.most_cycles[0]] * len(report.ladder_cycles)
            print_mean("early termination", report.ladder_cycles, most, console)
    for problem in report.problems:
        console.print(problem, style="red", soft_wrap=True)
    if report.waves:
        console.print(f"waves: {report.waves}", soft_wrap=True)
    if not report.passed:
        raise Exit(1)


@app.command()
def synth(
    context: Context,
    ip: common.IpFolder,
    *,
    device: Annotated[
        str | None, Option(help="FPGA, as for `bitrain generate`; by default the folder's own.")
    ] = None,
    route: Annotated[
        bool, Option(help="Place and route too; without, there is no clock and no timing.")
    ] = True,
    seed: common.PlacementSeed = 1,
    frequency: Annotated[
        float | None,
        Option(help="Clock to aim at, in MHz; by default the device's.", min=1, max=2000),
    ] = None,
    router: Annotated[
        Literal["router1", "router2"],
        Option(help="nextpnr's: the first gives the faster clocks, the second ends on large ones."),
    ] = "router1",
    blocks: Annotated[
        bool, Option("--blocks", help="List the resources of each block of the circuit too.")
    ] = False,
    liberty: common.Liberty = None,
) -> None:
    """Synthesise, place and route an IP folder; or map it to standard cells."""
    from bitrain.gen.asic.liberty import read_library
    from bitrain.gen.asic.mapping import map_package
    from bitrain.gen.tools.blocks import measure_blocks
    from bitrain.gen.tools.synth import synthesise

    from .render.hardware import blocks_table, cell_blocks_table, cells_table, synthesis_table

    if liberty is not None:
        check_used(context, ("device", "route", "seed", "router"), "with --liberty")
        cells = map_package(ip, read_library(liberty), frequency=frequency)
        console.print(cells_table(cells))
        if blocks:
            console.print(cell_blocks_table(cells))
        return
    if not route:
        check_used(context, ("seed", "frequency", "router"), "without --route")
    report = synthesise(ip, device, route=route, seed=seed, frequency=frequency, router=router)
    console.print(synthesis_table(report))
    if blocks:
        console.print(blocks_table(measure_blocks(ip, report.device)))


@app.command()
def prove(ip: common.IpFolder) -> None:
    """Prove sequences, widths and handshakes of an IP folder."""
    from bitrain.formal import prove as run_proofs

    from .render.hardware import proofs_table

    results = list(run_proofs(ip))
    console.print(proofs_table(results))
    if not all(result.proven for result in results):
        raise Exit(1)


@app.command()
def doctor() -> None:
    """List the external tools, their versions and how to get what is missing."""
    from bitrain.gen.tools.tools import find_tools

    from .render.hardware import tools_table

    console.print(tools_table(find_tools()))
