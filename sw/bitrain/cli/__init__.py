"""The command line: reads arguments, calls the flow, prints one line for a user's mistake."""

import sys
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

from bitrain.spec import BitrainError

# Importing a module registers its commands.
from . import boards, hardware, networks, search
from .common import app, console

__all__ = ["app", "boards", "console", "hardware", "main", "networks", "search"]


def main() -> None:
    """Entry point of ``bitrain``."""
    try:
        app()
    except BitrainError as error:
        _fail(str(error))
    except OSError as error:  # no permission, a file in the place of a folder, a full disk
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "bitrain":
            raise
        _fail(f"{package} is not installed; get it with: pip install 'bitrain[all]'")


def _fail(text: str) -> NoReturn:
    """Print one line and exit; brackets in it are no markup."""
    console = Console(stderr=True, soft_wrap=True)
    console.print(f"[bold red]error:[/] {escape(text)}", highlight=False)
    sys.exit(2)
