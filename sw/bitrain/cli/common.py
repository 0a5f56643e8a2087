"""What the commands share: the application, the console, and options used more than once.

Nothing of Bitrain is imported before a command runs, so that ``--help`` is quick, and a command
loads only what it needs. ``tests/sw/cli`` compares the choices here with those of the contract.
"""

import os
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from rich.console import Console
from typer import Argument, Context, Exit, Option, Typer

if TYPE_CHECKING:
    from bitrain.program import Array

# Torch's OpenMP threads otherwise spin while they wait for each other: with one other program on
# the same cores, training became a hundred times slower. Read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = Typer(
    help="From a PyTorch CNN to a stochastic-computing accelerator on an FPGA.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(metadata.version("bitrain"))
        raise Exit


@app.callback()
def _options(
    version: Annotated[
        bool, Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Options of the command as a whole."""


_WIDE = 140
"""Columns of what goes to a file: rich would break tables at 80."""

# Under torchrun one process speaks for all.
console = Console(
    quiet=os.environ.get("RANK", "0") != "0",
    emoji=False,
    width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDE,
)

Arithmetic = Literal["stochastic", "binary", "bitserial"]
Sharing = Literal["shared", "unshared"]
Simulator = Literal["verilator", "icarus"]
Weights = Literal["rom", "ram", "stream"]

NetworkFile = Annotated[Path, Argument(help="Network file (.npz), as `bitrain run` writes it.")]
IpFolder = Annotated[Path, Argument(help="IP folder, as `bitrain generate` writes it.")]
Channels = Annotated[
    int,
    Option("--channels", "-P", help="P: output channels at a time; more are faster and larger."),
]
Positions = Annotated[
    int, Option("--positions", "-Q", help="Q: output positions at a time; linear layers use one.")
]
Lanes = Annotated[
    int,
    Option(
        "--lanes",
        "-N",
        help="N: products of a neuron at a time; a multiple of the network's; no faster beyond L.",
    ),
]
Width = Annotated[
    Literal[1, 2, 4, 8],
    Option(
        "--width",
        "-W",
        help="W: inputs read, results and pixels taken at a time; divides P, N and the network's "
        "words.",
    ),
]
Engines = Annotated[
    int,
    Option(
        "--engines",
        "-E",
        help="Arrays in a row, which share out the layers; each works on an image of its own.",
        min=1,
    ),
]
LastArray = Annotated[
    str | None,
    Option(
        "--last-array",
        help="PxQ of the last engine, if it is another: 16x1 suits linear layers.",
        metavar="PxQ",
    ),
]
SharingOption = Annotated[
    Sharing, Option(help="shared: an SNG serves many multipliers; unshared: a baseline to measure.")
]
ArithmeticOption = Annotated[
    Arithmetic,
    Option("--arith", help="stochastic: streams; binary, bitserial: integers, to compare."),
]
Dsp = Annotated[
    bool, Option("--dsp", help="With --arith binary: multiply in the device's DSP blocks.")
]
WeightsOption = Annotated[
    Weights,
    Option(
        "--weights",
        help="rom: fixed; ram: others can be loaded over the bus of axi; stream: they come from "
        "outside, all of them for each run, and need not fit the device.",
    ),
]
WeightBeat = Annotated[
    Literal[8, 16, 32, 64, 128, 256, 512, 1024],
    Option(
        "--weight-beat",
        help="Bits of a beat of --weights stream. A weight word fills whole beats: choose one that "
        "leaves little of the last one empty.",
    ),
]
Images = Annotated[int, Option(help="How many test images, spread evenly.", min=1)]
Data = Annotated[
    str | None,
    Option(
        help="Data set: digits, mnist, fashion_mnist, cifar10, or images (those in --data-dir); "
        "by default the one that the network was trained on."
    ),
]
DataDir = Annotated[
    Path | None, Option(help="Folder of the data set's files; else known sets are downloaded.")
]
Device = Annotated[
    str, Option(help="FPGA, such as ecp5-25k or ice40-up5k; an unknown name lists all.")
]
Liberty = Annotated[
    Path | None,
    Option(help="Standard cells (a Liberty file) in the place of an FPGA: area, path, leakage."),
]
EnergyImages = Annotated[
    int | None,
    Option(
        "--images",
        help="With --liberty: also the array's energy per image, simulated at gate level with the "
        "operands of so many test images, spread evenly; no wires, no clock tree, no memories.",
        min=1,
    ),
]
PlacementSeed = Annotated[
    int, Option(help="Where placement begins; another may route to another clock.")
]
ConfigFile = Annotated[
    Path, Option("--config", help="Configuration (YAML), or the name of an example.")
]
OutFolder = Annotated[
    Path, Option("--out", help="Output folder; steps that are finished there are kept.")
]
Seeds = Annotated[
    str, Option(help="One training for each, between commas; medians are taken over them.")
]


def integers(option: str, text: str) -> list[int]:
    """The numbers of an option that takes several, or :class:`BitrainError`."""
    from bitrain.spec import BitrainError

    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise BitrainError(f"{option} {text}: expected integers between commas") from error


def seeds_of(text: str) -> list[int]:
    """The numbers of ``--seeds``, or :class:`BitrainError`."""
    from bitrain.spec import BitrainError

    found = integers("--seeds", text)
    if min(found) < 0 or len(set(found)) < len(found):
        raise BitrainError(f"--seeds {text}: expected different numbers from 0, as 0,1,2")
    return found


def margins(option: str, text: str) -> dict[int, int]:
    """Numbers by numbers, ``4=10,8=7``, or :class:`BitrainError`."""
    from bitrain.spec import BitrainError

    try:
        pairs = [(int(a), int(b)) for a, b in (part.split("=") for part in text.split(","))]
        found = dict(pairs)
        if min(found.values()) >= 0 and len(found) == len(pairs):
            return found
    except ValueError:
        pass
    raise BitrainError(
        f"{option} {text}: expected LENGTH=MARGIN between commas, each length once, no margin "
        "negative"
    )


def check_used(context: Context, names: Iterable[str], why: str) -> None:
    """Raise :class:`BitrainError` if an option was given that has no effect, which ``why`` says."""
    from bitrain.spec import BitrainError

    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name in names
        and (source := context.get_parameter_source(parameter.name))
        and source.name == "COMMANDLINE"
    ]
    if given:
        raise BitrainError(f"{given[0]} has no effect {why}; leave it out")


def last_array_of(text: str | None, array: "Array") -> "Array | None":
    """The array of ``--last-array``, or :class:`BitrainError`."""
    from bitrain.program.config import sizes_of
    from bitrain.spec import BitrainError

    if text is None:
        return None
    try:
        return array.model_copy(update=sizes_of(text))
    except ValueError as error:
        raise BitrainError(f"--last-array {error}") from error


def array_of(
    channels: int,
    positions: int,
    lanes: int,
    *,
    sharing: Sharing = "shared",
    arithmetic: Arithmetic = "stochastic",
    width: Literal[1, 2, 4, 8] = 1,
    dsp: bool = False,
) -> "Array":
    """The array of the options, or :class:`BitrainError`."""
    from bitrain.program import Array
    from bitrain.program import Sharing as SharingOfSngs
    from bitrain.spec import BitrainError

    for option, value, limit in (
        ("--channels", channels, 64),
        ("--positions", positions, 64),
        ("--lanes", lanes, 256),
    ):
        if not 1 <= value <= limit:
            raise BitrainError(f"{option} {value}: expected 1 … {limit}")
    return Array(
        channels=channels,
        positions=positions,
        lanes=lanes,
        width=width,
        sharing=SharingOfSngs(sharing),
        arithmetic=arithmetic,
        dsp=dsp,
    )
