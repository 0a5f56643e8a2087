"""What the commands share: the application, the console, and options used more than once."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from bitrain.program import Arithmetic, Array, Sharing
from bitrain.spec import BitrainError

# Torch's OpenMP threads otherwise spin while they wait for each other: with one other program on
# the same cores, training became a hundred times slower. Read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    help="From a PyTorch CNN to a stochastic-computing accelerator on an FPGA.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# Under torchrun one process speaks for all.
console = Console(quiet=os.environ.get("RANK", "0") != "0", emoji=False)

NetworkFile = Annotated[Path, typer.Argument(help="Network file (.npz).", show_default=False)]
IpFolder = Annotated[Path, typer.Argument(help="IP folder.", show_default=False)]
Channels = Annotated[int, typer.Option("--channels", "-P", help="Output channels at a time.")]
Positions = Annotated[int, typer.Option("--positions", "-Q", help="Output positions at a time.")]
Lanes = Annotated[int, typer.Option("--lanes", "-N", help="Products of a neuron at a time.")]
Engines = Annotated[
    int, typer.Option("--engines", "-E", help="Arrays in a row, which share out the layers.", min=1)
]
SharingOption = Annotated[Sharing, typer.Option(help="Which multipliers share SNGs.")]
ArithmeticOption = Annotated[
    Arithmetic, typer.Option("--arith", help="Streams, or integer multipliers to compare with.")
]
Images = Annotated[int, typer.Option(help="Number of test images.", min=1)]
Simulator = Literal["verilator", "icarus"]
DataDir = Annotated[Path | None, typer.Option(help="Folder of the data set's files.")]


def integers(option: str, text: str) -> list[int]:
    """The numbers of an option that takes several, or :class:`BitrainError`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise BitrainError(f"{option} {text}: expected integers between commas") from error


def seeds_of(text: str) -> list[int]:
    """The numbers of ``--seeds``, or :class:`BitrainError`."""
    found = integers("--seeds", text)
    if min(found) < 0 or len(set(found)) < len(found):
        raise BitrainError(f"--seeds {text}: expected different numbers from 0, as 0,1,2")
    return found


def margins(option: str, text: str) -> dict[int, int]:
    """Numbers by numbers, ``4=10,8=7``, or :class:`BitrainError`."""
    try:
        found = {int(a): int(b) for a, b in (part.split("=") for part in text.split(","))}
        if min(found.values()) >= 0:
            return found
    except ValueError:
        pass
    raise BitrainError(f"{option} {text}: expected LENGTH=MARGIN between commas, none negative")


def array_of(
    channels: int,
    positions: int,
    lanes: int,
    sharing: Sharing = Sharing.SHARED,
    arithmetic: Arithmetic = "stochastic",
) -> Array:
    """The array of the options, or :class:`BitrainError`."""
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
        sharing=sharing,
        arithmetic=arithmetic,
    )
