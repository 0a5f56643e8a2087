"""What tests of the command line share."""

import sys

import pytest

from bitrain.cli import main


@pytest.fixture
def usage(monkeypatch, capsys):
    """Run ``bitrain`` with a wrong option; return what it prints."""

    def call(*arguments) -> str:
        monkeypatch.setattr(sys, "argv", ["bitrain", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_status:
            main()
        assert exit_status.value.code == 2
        return capsys.readouterr().err

    return call


@pytest.fixture
def fail(usage):
    """Run ``bitrain`` with arguments; return its one line of error."""

    def call(*arguments) -> str:
        error = usage(*arguments)
        assert "Traceback" not in error
        lines = error.strip().splitlines()
        assert len(lines) == 1, error
        assert lines[0].startswith("error: ")
        return lines[0]

    return call
