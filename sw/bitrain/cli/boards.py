"""Commands on boards: a bitstream, and images for the board that runs it."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Exit, Option

from . import common
from .common import app, array_of, check_used, console


@app.command()
def build(
    context: Context,
    network: common.NetworkFile,
    *,
    board: Annotated[
        str, Option(help="Board: ulx3s, icebreaker, orangecrab, …; see docs/boards.md.")
    ],
    out: Annotated[Path, Option(help="Folder to write, for `bitrain board-run`.")],
    channels: common.Channels = 4,
    positions: common.Positions = 4,
    lanes: common.Lanes = 16,
    width: common.Width = 1,
    baud: Annotated[int, Option(help="Bits per second on the serial line.", min=1)] = 115_200,
    seed: common.PlacementSeed = 1,
    check: Annotated[
        int, Option(help="Simulate so many images at the serial pins too; 0 for none.", min=0)
    ] = 0,
    simulator: Annotated[common.Simulator, Option(help="What simulates them.")] = "verilator",
    data: common.Data = None,
    data_dir: common.DataDir = None,
) -> None:
    """Write a bitstream: the accelerator behind a board's serial line."""
    from bitrain.flow.board import check_build
    from bitrain.flow.networks import example_vectors
    from bitrain.gen.boards.bitstream import build_bitstream
    from bitrain.spec import load_network

    from .render.hardware import synthesis_table

    if not check:
        check_used(context, ("simulator", "data", "data_dir"), "without --check")
    array, loaded = array_of(channels, positions, lanes, width=width), load_network(network)
    vectors = example_vectors(loaded, check, data, data_dir) if check else None
    built = build_bitstream(loaded, array, board, out, baud=baud, seed=seed)
    console.print(synthesis_table(built.synthesis))
    tools = ", ".join(f"{name} {version}" for name, version in built.synthesis.tools.items())
    console.print(tools, soft_wrap=True, highlight=False)
    console.print(f"wrote {built.path}, {built.path.stat().st_size:,} bytes", soft_wrap=True)
    if vectors is not None:
        report = check_build(out, vectors, simulator=simulator)
        console.print(
            f"{report.simulator_version}: {report.images} images at the serial pins, "
            f"{report.values_compared} values compared, {len(report.problems)} problems"
        )
        for problem in report.problems:
            console.print(problem, style="red", soft_wrap=True)
        if not report.passed:
            raise Exit(1)


@app.command()
def board_run(
    directory: Annotated[Path, Argument(help="Folder that `bitrain build` wrote.")],
    *,
    port: Annotated[str, Option(help="Serial port that the board is at, such as /dev/ttyUSB0.")],
    images: common.Images = 16,
    data: common.Data = None,
    data_dir: common.DataDir = None,
) -> None:
    """Send test images to a board and compare its scores with the golden model's."""
    from bitrain.flow.board import run_board
    from bitrain.host import Reply

    def show(image: int, reply: Reply, label: int) -> None:
        scores = " ".join(map(str, reply.scores.tolist()))
        console.print(f"{image}: class {reply.class_index}, label {label}; {scores}")

    found = run_board(directory, port, num_images=images, data=data, data_dir=data_dir, show=show)
    console.print(
        f"{found.images} images: {found.correct / found.images:.2%} right, {found.mismatches} "
        f"unlike golden; {found.cycles} cycles, {found.images_per_second:.1f} images/s with the "
        f"serial line; {found.repeated} requests repeated",
        soft_wrap=True,
    )
    if found.mismatches:
        raise Exit(1)
