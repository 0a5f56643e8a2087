"""Which of the tools that Bitrain calls are installed."""

import pytest

from bitrain.gen.tools.tools import find_tools

FOUND = {record.name for record in find_tools() if record.found}


def needs(*names: str):
    """Mark a test that runs tools, and skip it where one is missing."""
    missing = ", ".join(set(names) - FOUND)

    def mark(test):
        test = pytest.mark.skipif(bool(missing), reason=f"{missing} not installed")(test)
        return pytest.mark.tools(test)

    return mark
