"""The command line: reads arguments, calls the flow, prints one line for a user's mistake."""

import sys

from rich.console import Console

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
        Console(stderr=True, soft_wrap=True).print(f"[bold red]error:[/] {error}", highlight=False)
        sys.exit(2)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "bitrain":
            raise
        console = Console(stderr=True, soft_wrap=True)
        console.print(
            f"[bold red]error:[/] {package} is not installed; get it with: "
            "pip install 'bitrain\\[all]'",
            highlight=False,
        )
        sys.exit(2)
