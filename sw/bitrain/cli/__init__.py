"""The command line: reads arguments, calls the flow, prints one line for a user's mistake."""

import sys
from typing import NoReturn

from rich.console import Console
from rich.text import Text

# Importing a module registers its commands, in the order in which `--help` lists them.
from . import run, convert, networks, hardware, explore, boards, search, studies  # isort: skip
from .common import app, console

__all__ = [
    "app",
    "boards",
    "console",
    "convert",
    "explore",
    "hardware",
    "main",
    "networks",
    "run",
    "search",
    "studies",
]


def main() -> None:
    """Entry point of ``bitrain``."""
    try:
        app()
    except OSError as error:  # a folder that cannot be written, a full disk
        where = f"{error.filename}: " if error.filename else ""
        _refuse(f"{where}{error.strerror or error}")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "bitrain":
            raise
        _refuse(f"{package} is not installed; get it with: pip install 'bitrain[all]'")
    except MemoryError as error:
        what = f" ({error})" if str(error) else ""
        _refuse(f"not enough memory{what}; give fewer or smaller images, or a smaller network")
    except Exception as error:
        from bitrain.spec import BitrainError  # importing it takes longer than `--help`

        if not isinstance(error, BitrainError):
            raise
        _refuse(str(error))


def _refuse(message: str) -> NoReturn:
    """Print what is wrong as it is: a name in brackets is no markup, one in colons no emoji."""
    text = Text.assemble(("error:", "bold red"), " ", message)
    Console(stderr=True, soft_wrap=True).print(text)
    sys.exit(2)
